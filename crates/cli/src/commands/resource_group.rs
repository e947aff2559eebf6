//! The group `resource-group`: tags that resources inherit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use wire::own::{ResourceGroupTagsUpdate, TagMap};

use super::{OWN_API, json, list, payload};
use crate::arguments::ResourceGroupCommand;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command of the group.
pub(super) fn run<W: Write>(
    command: ResourceGroupCommand,
    client: &Client,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        ResourceGroupCommand::Tag { subscription, name, tags, effective } => {
            let name = encoded(&name);
            let path =
                format!("{OWN_API}/subscriptions/{subscription}/resource-groups/{name}/tags");
            let effective = effective.map(|day| day.to_string());
            let update = ResourceGroupTagsUpdate { tags: tag_map(tags)?, effective };
            output.write(client.put(&path, payload(&json(&update)))?)
        }
        ResourceGroupCommand::List { subscription } => {
            list(client, &format!("/subscriptions/{subscription}/resource-groups"), output)
        }
    }
}

fn tag_map(tags: Vec<Option<(String, String)>>) -> Result<TagMap, Failure> {
    let mut map = BTreeMap::new();
    for (name, value) in tags.into_iter().flatten() {
        if map.contains_key(&name) {
            return Err(Failure::Usage(format!("--tags: tag '{name}' is given twice")));
        }
        map.insert(name, value);
    }
    Ok(TagMap(map))
}

/// A name as a segment of a path.
fn encoded(name: &str) -> String {
    let mut segment = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            write!(segment, "%{byte:02X}").expect("a string takes every text");
        }
    }
    segment
}
