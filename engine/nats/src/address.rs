//! Where the broker is, and who the address says that the engine is: `nats://user:password@host`, or
//! `nats://token@host`. The client keeps to the host alone, so that part is taken out here. It is no place for a
//! secret: others on the machine see the arguments of a process, and configurations are shown around.

use async_nats::{Auth, ServerAddr};
use percent_encoding::percent_decode_str;

/// Addresses without anything secret, and what was secret in them.
pub(crate) struct Addresses {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) login: Option<InAddress>,
}

/// A login that stands in an address.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct InAddress {
    user: String,
    password: Option<String>,
}

impl Addresses {
    /// Reads addresses that commas separate. Errors show no secret.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let (mut servers, mut login) = (Vec::new(), None);
        for written in text.split(',').map(str::trim) {
            let wrong = |cause: &dyn std::fmt::Display| format!("{}: {cause}", shown_address(written));
            let address: ServerAddr = written.parse().map_err(|cause: std::io::Error| wrong(&cause))?;
            let own = InAddress::of(&address);
            if login.is_some() && own.is_some() && login != own {
                return Err(wrong(&"the addresses of one broker name different users"));
            }
            login = login.or(own);
            servers.push(bare(address).map_err(|()| wrong(&"it is no address of a broker"))?);
        }
        Ok(Self { servers, login })
    }
}

impl InAddress {
    fn of(address: &ServerAddr) -> Option<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(Self {
            user: decoded(address.username()?),
            password: address.password().map(decoded),
        })
    }

    /// What the server is to be told. A user without a password is a token.
    pub(crate) fn auth(&self) -> Auth {
        let mut auth = Auth::new();
        match &self.password {
            Some(password) => {
                auth.username = Some(self.user.clone());
                auth.password = Some(password.clone());
            }
            None => auth.token = Some(self.user.clone()),
        }
        auth
    }
}

fn bare(address: ServerAddr) -> Result<ServerAddr, ()> {
    let mut url = address.into_inner();
    url.set_username("")?;
    url.set_password(None)?;
    ServerAddr::from_url(url).map_err(|_| ())
}

/// Addresses as they may be shown.
pub fn shown_address(text: &str) -> String {
    with_login(text, "…@")
}

/// Addresses without the user that they may name.
pub fn bare_address(text: &str) -> String {
    with_login(text, "")
}

fn with_login(text: &str, instead: &str) -> String {
    let one = |written: &str| {
        let (scheme, rest) = written.split_once("://").unwrap_or(("", written));
        let (login, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        let login = if login.is_empty() { "" } else { instead };
        let between = if scheme.is_empty() { "" } else { "://" };
        format!("{scheme}{between}{login}{host}")
    };
    text.split(',').map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Option<Auth>) {
        let read = Addresses::read(text).unwrap_or_else(|why| panic!("{why}"));
        let servers = read.servers.iter().map(|server| server.as_url_str().to_owned());
        (servers.collect(), read.login.map(|login| login.auth()))
    }

    #[test]
    fn a_user_in_an_address_logs_in_and_is_no_part_of_it() {
        let (servers, auth) = read("nats://shop:p%40ss@a:4222, nats://b:4222");
        assert_eq!(servers, ["nats://a:4222", "nats://b:4222"]);
        let auth = auth.unwrap_or_default();
        assert_eq!(
            (auth.username.as_deref(), auth.password.as_deref()),
            (Some("shop"), Some("p@ss"))
        );
        let (_, auth) = read("tls://t0ken@a");
        assert_eq!(auth.unwrap_or_default().token.as_deref(), Some("t0ken"));
        assert!(read("a").1.is_none());
    }

    #[test]
    fn what_is_shown_of_an_address_is_no_secret() {
        assert_eq!(
            shown_address("nats://shop:secret@a:4222,b:1"),
            "nats://…@a:4222,b:1"
        );
        assert_eq!(shown_address("shop:sec@ret@a"), "…@a");
        assert_eq!(bare_address("nats://shop:secret@a,b"), "nats://a,b");
        for wrong in [
            "http://u:secret@a",
            "nats://u:secret@a,nats://v:secret@a",
            "nats://u:secret@",
        ] {
            let why = Addresses::read(wrong).err().unwrap_or_default();
            assert!(!why.is_empty() && !why.contains("secret"), "{wrong}: {why}");
        }
    }
}
