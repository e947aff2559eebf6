//! Statements of a case: one a line, words separated by blanks. What would leave open which bill
//! is right (two prices of one date, an alias of an alias) is refused here.

mod words;

use std::collections::BTreeSet;
use std::fmt;

use num_rational::BigRational;

use crate::calendar::Time;
use crate::case::{
    Anchor, Card, Case, Change, Commitment, Meter, Override, Row, Target, Term, Terms,
};
use crate::number::Number;
use words::{Options, amount, id, number, pairs, reprice, scope, tiers, time};

/// Longest text of one case, in bytes.
const CASE_BYTES: usize = 1 << 20;

/// A statement that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementError {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for StatementError {}

impl Case {
    /// Reads statements; empty lines and lines that begin with `#` say nothing.
    ///
    /// ```text
    /// anchor DAY [from DATE]                   the first is 1 if it is not given
    /// card [imported TIME] [reprice]           what follows belongs to it
    /// meter N [included Q] [from TIME] [tag third-party] [category WORD] : BOUND:RATE ...
    /// term credit AMOUNT [from TIME] [except N ...]
    /// term commitment LEVEL:PERCENT ... [from TIME] [except N ...]
    /// term recurring AMOUNT [from TIME]
    /// alias OLD NEW
    /// markup PERCENT [meter N | category WORD] [LAID]
    /// price N [included Q] [LAID] : BOUND:RATE ...
    ///   LAID is [scope SCOPE] [from TIME] [until TIME] [made TIME] [reprice], `reprice` last
    /// commitment AMOUNT [from TIME]
    /// usage TIME [+HOURSh] METER QUANTITY [by INSTANCE]
    /// ```
    ///
    /// A time that is not given is the beginning of time (of `until`: never), usage lasts an hour,
    /// and a scope is `installation` (if none is given), `tenant` or `subscription`.
    ///
    /// # Errors
    /// [`StatementError`] for the first statement that is wrong.
    pub fn parse(statements: &str) -> Result<Self, StatementError> {
        if statements.len() > CASE_BYTES {
            let problem = format!("the case is over {CASE_BYTES} bytes");
            return Err(StatementError { line: 1, problem });
        }
        let mut case = Self {
            anchors: vec![Anchor { day: 1, from: Time::ALWAYS }],
            cards: Vec::new(),
            aliases: Vec::new(),
            overrides: Vec::new(),
            commitments: Vec::new(),
            usage: Vec::new(),
        };
        for (place, line) in statements.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            let done = statement(&mut case, &words);
            done.map_err(|problem| StatementError { line: place + 1, problem })?;
        }
        Ok(case)
    }
}

fn statement(case: &mut Case, words: &[&str]) -> Result<(), String> {
    match words {
        ["anchor", rest @ ..] => anchor(case, rest),
        ["card", rest @ ..] => card(case, rest),
        ["meter", id, rest @ ..] => meter(last_card(case)?, id, rest),
        ["term", kind, rest @ ..] => {
            let term = term(kind, rest)?;
            last_card(case)?.terms.push(term);
            Ok(())
        }
        ["alias", old, new] => alias(case, id(old)?, id(new)?),
        ["markup", percent, rest @ ..] => markup(case, percent, rest),
        ["price", id, rest @ ..] => price(case, id, rest),
        ["commitment", amount, rest @ ..] => commitment(case, amount, rest),
        ["usage", rest @ ..] => usage(case, rest),
        _ => Err(format!("no such statement: {}", words.join(" "))),
    }
}

fn last_card(case: &mut Case) -> Result<&mut Card, String> {
    case.cards.last_mut().ok_or_else(|| "there is no card above".to_owned())
}

fn anchor(case: &mut Case, words: &[&str]) -> Result<(), String> {
    let [day, rest @ ..] = words else {
        return Err("an anchor needs a day".to_owned());
    };
    let from = Options::read(rest, &["from"])?.time("from")?;
    let day = id(day)?;
    if !(1..=31).contains(&day) {
        return Err(format!("no day of a month: {day}"));
    }
    let Some(from) = from else {
        let only = case.anchors.len() == 1;
        case.anchors[0].day = day;
        return only.then_some(()).ok_or_else(|| "the first anchor stands first".to_owned());
    };
    if !from.is_midnight() || case.anchors.last().is_some_and(|last| last.from >= from) {
        return Err(format!("an anchor changes at a midnight after the change before it: {from}"));
    }
    case.anchors.push(Anchor { day, from });
    Ok(())
}

fn card(case: &mut Case, words: &[&str]) -> Result<(), String> {
    let (words, reprice) = reprice(words);
    let imported = Options::read(words, &["imported"])?.time("imported")?.unwrap_or(Time::ALWAYS);
    if case.cards.last().is_some_and(|last| last.imported > imported) {
        return Err(format!("imported before the card above: {imported}"));
    }
    case.cards.push(Card { imported, reprice, meters: Vec::new(), terms: Vec::new() });
    Ok(())
}

fn meter(card: &mut Card, meter: &str, words: &[&str]) -> Result<(), String> {
    let (words, tiers) = tiers(words)?;
    let options = Options::read(words, &["included", "from", "tag", "category"])?;
    let third_party = match options.word("tag") {
        None => false,
        Some("third-party") => true,
        Some(other) => return Err(format!("no such tag: {other}")),
    };
    let meter = Meter {
        id: id(meter)?,
        included: options.amount("included")?.unwrap_or_else(Number::zero),
        from: options.time("from")?.unwrap_or(Time::ALWAYS),
        third_party,
        category: options.word("category").map(str::to_owned),
        tiers,
    };
    for other in card.meters.iter().filter(|other| other.id == meter.id) {
        if other.from == meter.from {
            return Err(format!("meter {} has a price from {} already", meter.id, meter.from));
        }
        if (other.third_party, &other.category) != (meter.third_party, &meter.category) {
            return Err(format!("meter {} has another tag or category above", meter.id));
        }
    }
    card.meters.push(meter);
    Ok(())
}

fn term(kind: &str, words: &[&str]) -> Result<Term, String> {
    let except_at = words.iter().position(|word| *word == "except").unwrap_or(words.len());
    let (words, except) = words.split_at(except_at);
    let from_at = words.iter().position(|word| *word == "from").unwrap_or(words.len());
    let (figures, options) = words.split_at(from_at);
    let terms = match (kind, figures) {
        ("credit", [figure]) => Terms::Credit(amount(figure)?),
        ("recurring", [figure]) => Terms::Recurring(amount(figure)?),
        ("commitment", [_, ..]) => Terms::Commitment(levels(figures)?),
        _ => return Err(format!("no such term: {kind} {}", figures.join(" "))),
    };
    let except = match except {
        [] => Vec::new(),
        [_] => return Err("except which meters?".to_owned()),
        _ if kind == "recurring" => return Err("a recurring charge excepts nothing".to_owned()),
        [_, meters @ ..] => meters.iter().map(|meter| id(meter)).collect::<Result<_, _>>()?,
    };
    let from = Options::read(options, &["from"])?.time("from")?.unwrap_or(Time::ALWAYS);
    Ok(Term { from, except, terms })
}

fn levels(words: &[&str]) -> Result<Vec<(Number, Number)>, String> {
    let levels = pairs(words)?;
    let mut seen = BTreeSet::new();
    for (level, percent) in &levels {
        if !seen.insert(level.value()) {
            return Err(format!("two percentages from {}", level.text()));
        }
        if *percent.value() > hundred() {
            return Err(format!("no more than 100 percent can be taken off: {}", percent.text()));
        }
    }
    Ok(levels)
}

fn hundred() -> BigRational {
    BigRational::from_integer(100.into())
}

fn alias(case: &mut Case, old: u32, new: u32) -> Result<(), String> {
    let known = |meter| case.aliases.iter().any(|(one, other)| *one == meter || *other == meter);
    let chained = case.aliases.iter().any(|(one, _)| *one == new);
    if known(old) || chained || old == new {
        return Err(format!("an alias leads to itself or to another alias: {old} {new}"));
    }
    case.aliases.push((old, new));
    Ok(())
}

fn markup(case: &mut Case, percent: &str, words: &[&str]) -> Result<(), String> {
    let percent = number(percent)?;
    if *percent.value() < -hundred() {
        return Err(format!("no more than 100 percent can be taken off: {}", percent.text()));
    }
    let (words, reprice) = reprice(words);
    let known = ["meter", "category", "scope", "from", "until", "made"];
    let options = Options::read(words, &known)?;
    let target = match (options.word("meter"), options.word("category")) {
        (None, None) => Target::Every,
        (Some(meter), None) => Target::Meter(id(meter)?),
        (None, Some(category)) => Target::Category(category.to_owned()),
        _ => return Err("a markup is for a meter or for a category".to_owned()),
    };
    add_override(case, target, &options, reprice, Change::Markup(percent))
}

fn price(case: &mut Case, meter: &str, words: &[&str]) -> Result<(), String> {
    let (words, tiers) = tiers(words)?;
    let (words, reprice) = reprice(words);
    let options = Options::read(words, &["scope", "from", "until", "made", "included"])?;
    let included = options.amount("included")?.unwrap_or_else(Number::zero);
    let target = Target::Meter(id(meter)?);
    add_override(case, target, &options, reprice, Change::Price { included, tiers })
}

fn add_override(
    case: &mut Case,
    target: Target,
    options: &Options<'_>,
    reprice: bool,
    change: Change,
) -> Result<(), String> {
    let from = options.time("from")?.unwrap_or(Time::ALWAYS);
    let until = options.time("until")?;
    if until.is_some_and(|until| until <= from) {
        return Err("it ends before it begins".to_owned());
    }
    let scope = scope(options.word("scope"))?;
    let made = options.time("made")?.unwrap_or(Time::ALWAYS);
    case.overrides.push(Override { scope, target, from, until, made, reprice, change });
    Ok(())
}

fn commitment(case: &mut Case, figure: &str, words: &[&str]) -> Result<(), String> {
    let from = Options::read(words, &["from"])?.time("from")?.unwrap_or(Time::ALWAYS);
    if case.commitments.iter().any(|other| other.from == from) {
        return Err(format!("there is a commitment from {from} already"));
    }
    case.commitments.push(Commitment { from, amount: amount(figure)? });
    Ok(())
}

fn usage(case: &mut Case, words: &[&str]) -> Result<(), String> {
    let [start, rest @ ..] = words else {
        return Err("usage of when?".to_owned());
    };
    let (hours, rest) = match rest {
        [first, rest @ ..] if first.starts_with('+') => {
            let hours = first[1..].strip_suffix('h').and_then(|hours| hours.parse().ok());
            let hours: u8 = hours.ok_or_else(|| format!("no count of hours: {first}"))?;
            (hours, rest)
        }
        _ => (1, rest),
    };
    let [meter, quantity, options @ ..] = rest else {
        return Err("usage needs a meter and a quantity".to_owned());
    };
    let start = time(start)?;
    let end = start.plus_hours(i64::from(hours));
    if hours == 0 || end > start.midnight().plus_hours(24) {
        return Err("usage lasts an hour or more, and no longer than its day".to_owned());
    }
    let instance = Options::read(options, &["by"])?.word("by").map(str::to_owned);
    let (meter, quantity) = (id(meter)?, number(quantity)?);
    case.usage.push(Row { start, end, meter, quantity, instance });
    Ok(())
}

#[cfg(test)]
mod tests;
