//! How a connection proves whose it is. What is secret lies in files of the operator's, and they are read
//! anew at every try to connect: credentials that are replaced are taken up without a restart, and nothing
//! secret is kept here, in the configuration or in a log.
//!
//! Why: docs/decisions/0041-a-nats-account-is-a-world.md

use std::{
    io,
    path::{Path, PathBuf},
};

use async_nats::{Auth, AuthError};

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Login {
    /// As the address says, or as nobody.
    #[default]
    Plain,
    /// With a credentials file, as `nsc` and `nats auth` write it.
    Credentials(PathBuf),
    /// With a user's name, and the password in a file.
    Password {
        /// The name.
        user: String,
        /// The file.
        password: PathBuf,
    },
    /// With the token in a file.
    Token(PathBuf),
}

impl Login {
    /// What the server is to be told, its nonce signed where it wants that.
    pub(crate) fn auth(&self, nonce: &[u8]) -> Result<Auth, LoginError> {
        let mut auth = Auth::new();
        match self {
            Self::Plain => {}
            Self::Credentials(file) => {
                let text = read(file)?;
                let unreadable = || LoginError::NoCredentials(file.clone());
                let (jwt, seed) = parts(&text).ok_or_else(unreadable)?;
                let keys = nkeys::KeyPair::from_seed(seed).map_err(|_| unreadable())?;
                auth.signature = Some(keys.sign(nonce).map_err(|_| unreadable())?);
                auth.jwt = Some(jwt.to_owned());
            }
            Self::Password { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(read(password)?);
            }
            Self::Token(file) => auth.token = Some(read(file)?),
        }
        Ok(auth)
    }
}

/// What a login lacks. Names the file, so it is for the operator's eyes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// The file cannot be read.
    #[error("{file}: {cause}")]
    Unread {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file holds something else.
    #[error("{0} is no credentials file: it lacks a user's JWT or its seed")]
    NoCredentials(PathBuf),
}

impl From<LoginError> for AuthError {
    fn from(cause: LoginError) -> Self {
        Self::new(cause)
    }
}

/// What a file holds, without the end of the line that editors put there.
fn read(file: &Path) -> Result<String, LoginError> {
    let text = std::fs::read_to_string(file).map_err(|cause| LoginError::Unread {
        file: file.to_owned(),
        cause,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The JWT and the seed: the lines behind the first and the second `-----BEGIN …`.
fn parts(text: &str) -> Option<(&str, &str)> {
    let mut lines = text.lines();
    let mut next = || {
        lines.find(|line| line.starts_with("---") && line.contains("BEGIN"))?;
        lines.next().map(str::trim).filter(|line| !line.is_empty())
    };
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_credentials_file_signs_the_nonce_of_the_server() {
        let keys = nkeys::KeyPair::new_user();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.abc\n------END NATS USER JWT------\n\nKeep it.\n\n-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            keys.seed().unwrap()
        );
        let file = file(&text);
        let auth = Login::Credentials(file.path().to_owned()).auth(b"nonce").unwrap();
        assert_eq!(auth.jwt.as_deref(), Some("eyJ0.abc"));
        keys.verify(b"nonce", &auth.signature.unwrap()).unwrap();
    }

    #[test]
    fn a_password_is_read_anew_at_every_try() {
        let file = file("old\n");
        let login = Login::Password {
            user: "shop".to_owned(),
            password: file.path().to_owned(),
        };
        assert_eq!(login.auth(b"").unwrap().password.as_deref(), Some("old"));
        std::fs::write(file.path(), "new\n").unwrap();
        assert_eq!(login.auth(b"").unwrap().password.as_deref(), Some("new"));
        assert!(!format!("{login:?}").contains("new"), "a login shows no secret");
    }

    #[test]
    fn a_file_that_is_none_or_holds_something_else_is_named_and_not_shown() {
        let missing = Login::Token("/nowhere/token".into());
        assert!(
            missing
                .auth(b"")
                .err()
                .unwrap()
                .to_string()
                .contains("/nowhere/token")
        );
        let file = file("-----BEGIN NATS USER JWT-----\nsecret\n------END NATS USER JWT------\n");
        let why = Login::Credentials(file.path().to_owned())
            .auth(b"")
            .err()
            .unwrap();
        assert!(!why.to_string().contains("secret"), "{why}");
    }
}
