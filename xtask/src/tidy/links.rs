//! Every relative link of a Markdown file leads somewhere: to a file, and to a heading in it.

use super::{Finding, TextFile, finding, has_extension};
use crate::process::root;

/// Checks the links of one file; `files` are all text files of the project.
pub(super) fn check(path: &str, text: &str, files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, link) in links(text) {
        if let Some(message) = objection(path, &link, files) {
            findings.push(finding(path, line, message));
        }
    }
    findings
}

fn objection(path: &str, link: &str, files: &[TextFile]) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
    let Some(target) = resolve(path, target) else {
        return Some(format!("link {link} leaves the project"));
    };
    if !root().join(&target).exists() {
        return Some(format!("link {link} leads nowhere"));
    }
    if anchor.is_empty() || !has_extension(&target, "md") {
        return None;
    }
    let page = files.iter().find(|file| file.path == target)?;
    let mut anchors = outside_code(&page.text).filter_map(|(_, line)| heading_anchor(line));
    let known = anchors.any(|known| known == anchor);
    (!known).then(|| format!("link {link}: {target} has no such heading"))
}

/// The target's path from the root; none if it would leave the project.
fn resolve(path: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(path.to_owned());
    }
    let mut parts: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => path.split('/').collect(),
    };
    parts.pop(); // the file itself
    for part in target.trim_start_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The inline links of a text with their lines, outside code.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in outside_code(text) {
        // What stands between backquotes is code: every second piece.
        for piece in line.split('`').step_by(2) {
            for (at, _) in piece.match_indices("](") {
                let rest = &piece[at + 2..];
                if let Some((link, _)) = rest.split_once(')') {
                    let link = link.split_whitespace().next().unwrap_or("");
                    links.push((number, link.trim_matches(['<', '>']).to_owned()));
                }
            }
        }
    }
    links
}

/// The lines of a text outside fenced code, numbered from 1.
fn outside_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(place, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((place + 1, line))
    })
}

/// The anchor that readers of Markdown give a heading.
fn heading_anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?.trim();
    let kept = title.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    Some(
        kept.flat_map(char::to_lowercase)
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code() {
        let text = "see [a](b.md#c \"t\") and `[x](y)`\n```\n[in](code)\n```\n![p](<q.png>)\n";
        assert_eq!(links(text), [(1, "b.md#c".to_owned()), (5, "q.png".to_owned())]);
    }

    #[test]
    fn targets_are_relative_to_the_file() {
        let resolved = |path, target| resolve(path, target).unwrap_or_else(|| "outside".to_owned());
        assert_eq!(resolved("docs/a.md", "../README.md"), "README.md");
        assert_eq!(resolved("docs/a.md", "adr/1.md"), "docs/adr/1.md");
        assert_eq!(resolved("docs/a.md", "../../b"), "outside");
        assert_eq!(resolved("README.md", ""), "README.md");
    }

    #[test]
    fn a_link_leads_to_a_file_and_a_heading() {
        let text = "# The *one* idea\n\n## 4.5 Tokens, roles\n";
        let files = [TextFile { path: "Cargo.md".to_owned(), text: text.to_owned() }];
        assert_eq!(objection("a.md", "https://example.org/x", &files), None);
        assert_eq!(objection("a.md", "Cargo.toml", &files), None);
        assert!(objection("a.md", "Cargo.tmol", &files).is_some());
        let anchors: Vec<String> = text.lines().filter_map(heading_anchor).collect();
        assert_eq!(anchors, ["the-one-idea", "45-tokens-roles"]);
    }
}
