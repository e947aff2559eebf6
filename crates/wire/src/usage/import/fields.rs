//! The fields of a row that is written as rows commonly are, found in one pass and without a copy.
//!
//! What is found is what [`super::parse_aggregate`] would read, and it is the judge of everything else:
//! a row with an escape where a plain text is common, a `null`, a member twice or anything that is no
//! JSON has no fields here, and is not refused either.

use crate::scan::plain;

/// The texts of a row's members, as they stand there.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) subscription: Option<&'a str>,
    pub(super) start: Option<&'a str>,
    pub(super) end: Option<&'a str>,
    pub(super) meter: Option<&'a str>,
    pub(super) meter_name: Option<&'a str>,
    pub(super) meter_category: Option<&'a str>,
    pub(super) meter_subcategory: Option<&'a str>,
    pub(super) meter_region: Option<&'a str>,
    pub(super) unit: Option<&'a str>,
    /// With its escapes.
    pub(super) instance_data: Option<&'a str>,
    /// An object by its nesting; whether it is JSON was not looked at.
    pub(super) info_fields: Option<&'a str>,
    pub(super) quantity: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The fields of a row; none if it is not of the common form.
    pub(super) fn of(row: &'a str) -> Option<Self> {
        let mut fields = Self::default();
        let mut json = Json { text: row, at: 0 };
        let mut has_properties = false;
        json.members(|json, name| match name {
            "properties" if has_properties => None,
            "properties" => {
                has_properties = true;
                json.members(|json, name| fields.property(json, name))
            }
            "name" => set(&mut fields.name, json.plain_string()),
            "occurrence" => None,
            _ => json.skip(),
        })?;
        json.space();
        (json.at == row.len()).then_some(fields)
    }

    fn property(&mut self, json: &mut Json<'a>, name: &str) -> Option<()> {
        let field = match name {
            "subscriptionId" => &mut self.subscription,
            "usageStartTime" => &mut self.start,
            "usageEndTime" => &mut self.end,
            "meterId" => &mut self.meter,
            "meterName" => &mut self.meter_name,
            "meterCategory" => &mut self.meter_category,
            "meterSubCategory" => &mut self.meter_subcategory,
            "meterRegion" => &mut self.meter_region,
            "unit" => &mut self.unit,
            "instanceData" => return set(&mut self.instance_data, json.string()),
            "infoFields" => return set(&mut self.info_fields, json.object()),
            "quantity" => {
                let is_text = json.peek()? == b'"';
                let text = if is_text { json.plain_string() } else { json.number() };
                return set(&mut self.quantity, text);
            }
            _ => return json.skip(),
        };
        set(field, json.plain_string())
    }
}

/// Sets a field that was not set before.
fn set<'a>(field: &mut Option<&'a str>, text: Option<&'a str>) -> Option<()> {
    let text = text?;
    field.replace(text).is_none().then_some(())
}

/// A place in a JSON text. Nothing is answered for what is not looked for.
struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn space(&mut self) {
        while matches!(self.rest().first(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.rest().first().copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The members of an object; each value is for `member` to step over.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.eat(b'{')?;
        if self.peek()? == b'}' {
            return self.eat(b'}');
        }
        loop {
            let name = self.plain_string()?;
            self.eat(b':')?;
            self.space();
            member(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                _ => return self.eat(b'}'),
            }
        }
    }

    /// A string without escapes.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let begin = self.at;
        self.at += plain(self.rest());
        let text = &self.text[begin..self.at];
        self.eat_here(b'"')?;
        Some(text)
    }

    /// A string of any escapes, which are not looked at, as it stands between its quotes.
    fn string(&mut self) -> Option<&'a str> {
        self.eat(b'"')?;
        let begin = self.at;
        loop {
            self.at += plain(self.rest());
            match self.rest() {
                [b'\\', escaped, ..] if *escaped >= b' ' && escaped.is_ascii() => self.at += 2,
                [b'"', ..] => break,
                _ => return None,
            }
        }
        let text = &self.text[begin..self.at];
        self.at += 1;
        Some(text)
    }

    fn eat_here(&mut self, byte: u8) -> Option<()> {
        (*self.rest().first()? == byte).then(|| self.at += 1)
    }

    /// An object, to its end by its nesting.
    fn object(&mut self) -> Option<&'a str> {
        if self.peek()? != b'{' {
            return None;
        }
        let begin = self.at;
        let mut depth = 0u32;
        loop {
            match self.rest().first()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(&self.text[begin..self.at]);
            }
        }
    }

    fn number(&mut self) -> Option<&'a str> {
        let begin = self.at;
        let _ = self.eat_here(b'-');
        match self.rest().first()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.eat_here(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.rest().first(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(&self.text[begin..self.at])
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    /// Steps over a value that nothing is taken from.
    fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.plain_string().map(drop),
            _ => self.number().map(drop),
        }
    }
}
