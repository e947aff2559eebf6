//! Instances as far as a question looks at them, each once in memory, however many there are of it: mostly
//! they are far fewer than those that differ in something.

use std::collections::HashMap;
use std::sync::Arc;

use domain::facets::Facets;
use domain::record::Instance;
use foldhash::fast::RandomState;

use crate::row::{INSTANCE_TEXTS, Interner, Malformed, Texts};

/// Those seen so far.
pub(super) struct Seen {
    pub(super) facets: Facets,
    interner: Interner,
    numbers: HashMap<Box<str>, u32, RandomState>,
    instances: HashMap<[u32; INSTANCE_TEXTS.len()], Arc<Instance>, RandomState>,
}

impl Seen {
    pub(super) fn new(facets: Facets) -> Self {
        let (numbers, instances) = (HashMap::default(), HashMap::default());
        Self { facets, interner: Interner::default(), numbers, instances }
    }

    /// The instance of these texts.
    pub(super) fn instance(&mut self, whole: &Texts<'_>) -> Result<Arc<Instance>, Malformed> {
        let mut texts = Texts::default();
        for text in INSTANCE_TEXTS {
            texts.set(text, whole.get(text).and_then(|value| text.seen(value, self.facets)));
        }
        let key = INSTANCE_TEXTS.map(|text| texts.get(text).map_or(0, |text| self.number(text)));
        if let Some(known) = self.instances.get(&key) {
            return Ok(Arc::clone(known));
        }
        let instance = Arc::new(self.interner.new_instance(&texts)?);
        self.instances.insert(key, Arc::clone(&instance));
        Ok(instance)
    }

    /// A number of a text's own, from one on.
    fn number(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let next = u32::try_from(self.numbers.len() + 1).expect("they are in memory");
        self.numbers.insert(text.into(), next);
        next
    }
}
