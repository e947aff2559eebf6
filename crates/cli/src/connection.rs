//! Which server, token and authority: options first, then the data folder, then the environment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;

/// Files in a server's data folder that a client reads.
const FOLDER_FILES: [&str; 3] = ["server.url", "admin.token", "ca.pem"];

/// How to reach the server.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionOptions {
    /// Data folder of a server on this machine: reads its address, the administrator's token and
    /// the certificate authority from there
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Address of the server, such as https://127.0.0.1:8443 [env: TALLYHOUSE_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,

    /// Bearer token; better in the environment, where other users do not see it
    /// [env: TALLYHOUSE_TOKEN]
    #[arg(long, global = true, value_name = "JWT")]
    token: Option<String>,

    /// PEM file of the authority that the server's certificate comes from; the system's own
    /// authorities if absent [env: TALLYHOUSE_CA]
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// What a client needs to talk to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Scheme, host and port, without a slash at the end.
    pub(crate) server: String,
    /// Bearer token.
    pub(crate) token: String,
    /// PEM text of the trusted authorities; none means the system's.
    pub(crate) authorities: Option<Vec<u8>>,
}

impl ConnectionOptions {
    /// The connection that the files of a data folder describe.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        Self { data: Some(folder.to_owned()), ..Self::default() }
    }

    /// The data folder, if one is named.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Puts the connection together.
    ///
    /// # Errors
    /// [`Failure::Usage`] if a part is missing or a file cannot be read.
    pub(crate) fn resolve(
        self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Connection, Failure> {
        let [url, token, ca] = FOLDER_FILES;
        let folder = self.data.as_deref();
        let server = match (self.server, folder) {
            (Some(server), _) => Some(server),
            (None, Some(folder)) => Some(read_text(&folder.join(url))?),
            (None, None) => environment("TALLYHOUSE_SERVER"),
        };
        let token = match (self.token, folder) {
            (Some(token), _) => Some(token),
            // A server whose tokens come from elsewhere writes none to its folder.
            (None, Some(folder)) => match environment("TALLYHOUSE_TOKEN") {
                Some(token_of_environment) if !folder.join(token).exists() => {
                    Some(token_of_environment)
                }
                _ => Some(read_text(&folder.join(token))?),
            },
            (None, None) => environment("TALLYHOUSE_TOKEN"),
        };
        let authority = match (self.ca, folder) {
            (Some(file), _) => Some(file),
            (None, Some(folder)) => Some(folder.join(ca)),
            (None, None) => environment("TALLYHOUSE_CA").map(PathBuf::from),
        };
        let missing = |what, option, variable| {
            Failure::Usage(format!(
                "no {what}: give {option}, set {variable}, or name a server's data folder with --data"
            ))
        };
        let server =
            server.ok_or_else(|| missing("server", "--server URL", "TALLYHOUSE_SERVER"))?;
        let token = token.ok_or_else(|| missing("token", "--token JWT", "TALLYHOUSE_TOKEN"))?;
        Ok(Connection {
            server: origin(&server)?,
            token: bearer(&token)?,
            authorities: authority.map(|file| read(&file)).transpose()?,
        })
    }
}

/// The server's address without what follows the port. A token never travels in the clear.
fn origin(url: &str) -> Result<String, Failure> {
    let trimmed = url.trim().trim_end_matches('/');
    let host = trimmed.strip_prefix("https://").unwrap_or_default();
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        let form = "an address such as https://127.0.0.1:8443";
        return Err(Failure::Usage(format!("--server takes {form}, not '{url}'")));
    }
    Ok(trimmed.to_owned())
}

fn bearer(token: &str) -> Result<String, Failure> {
    let token = token.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Usage("the token is empty or has characters no token has".to_owned()));
    }
    Ok(token.to_owned())
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let text = String::from_utf8(read(file)?);
    text.map_err(|_| Failure::Usage(format!("{} is not UTF-8", file.display())))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|error| {
        let in_folder = FOLDER_FILES.iter().any(|name| file.ends_with(name));
        Failure::Usage(match error.kind() {
            io::ErrorKind::NotFound if in_folder => format!(
                "{} is not there: is this the data folder of a server that was started?",
                file.display()
            ),
            _ => format!("cannot read {}: {error}", file.display()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("server.url"), "https://127.0.0.1:1\n").unwrap();
        fs::write(folder.path().join("admin.token"), "from-folder\n").unwrap();
        fs::write(folder.path().join("ca.pem"), "pem of folder").unwrap();
        folder
    }

    fn environment(name: &str) -> Option<String> {
        match name {
            "TALLYHOUSE_SERVER" => Some("https://env:2/".to_owned()),
            "TALLYHOUSE_TOKEN" => Some("from-env".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn options_win_over_the_folder_and_the_folder_over_the_environment() {
        let folder = folder();
        let data = Some(folder.path().to_owned());
        let options = ConnectionOptions { data: data.clone(), ..ConnectionOptions::default() };
        let connection = options.resolve(environment).unwrap();
        assert_eq!(connection.server, "https://127.0.0.1:1");
        assert_eq!(connection.token, "from-folder");
        assert_eq!(connection.authorities.as_deref(), Some(&b"pem of folder"[..]));

        let server = Some("https://option".to_owned());
        let options = ConnectionOptions { data, server, ..ConnectionOptions::default() };
        assert_eq!(options.resolve(environment).unwrap().server, "https://option");

        fs::remove_file(folder.path().join("admin.token")).unwrap();
        let connection = ConnectionOptions::of_folder(folder.path()).resolve(environment).unwrap();
        assert_eq!(
            (connection.token.as_str(), connection.server.as_str()),
            ("from-env", "https://127.0.0.1:1")
        );
        let nowhere = ConnectionOptions::of_folder(folder.path()).resolve(|_| None).unwrap_err();
        assert!(nowhere.to_string().contains("admin.token is not there"), "{nowhere}");

        let connection = ConnectionOptions::default().resolve(environment).unwrap();
        assert_eq!(connection.server, "https://env:2");
        assert_eq!(connection.token, "from-env");
        assert_eq!(connection.authorities, None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let nothing = ConnectionOptions::default().resolve(|_| None).unwrap_err();
        assert!(nothing.to_string().contains("--server URL, set TALLYHOUSE_SERVER"), "{nothing}");
        let data = Some(PathBuf::from("/nonexistent"));
        let options = ConnectionOptions { data, ..ConnectionOptions::default() };
        let absent = options.resolve(|_| None).unwrap_err().to_string();
        assert!(absent.contains("/nonexistent/server.url is not there"), "{absent}");
    }

    #[test]
    fn a_token_is_sent_over_tls_alone() {
        for url in
            ["http://127.0.0.1:8443", "127.0.0.1:8443", "https://", "https://a/b", "https://u@h"]
        {
            assert!(origin(url).is_err(), "{url}");
        }
        assert_eq!(origin("https://[::1]:8443/").unwrap(), "https://[::1]:8443");
    }
}
