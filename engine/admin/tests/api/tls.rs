//! HTTPS. The certificates were made for these tests and vouch for nobody else (`openssl req -x509 -newkey ec
//! -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -addext subjectAltName=DNS:localhost,IP:127.0.0.1
//! -addext basicConstraints=critical,CA:FALSE`).

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tailrace_admin::{EdgeOptions, Tls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::edge::{Server, in_time, plain, rest, short_headers};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/certificates");
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Puts a pair of the folder where a server reads it.
fn put(name: &str, folder: &Path) {
    for kind in ["pem", "key"] {
        let from = format!("{FOLDER}/{name}.{kind}");
        std::fs::copy(from, folder.join(format!("server.{kind}"))).unwrap();
    }
}

fn load(folder: &Path) -> Result<Tls, String> {
    Tls::load(folder.join("server.pem"), folder.join("server.key")).map_err(|cause| cause.to_string())
}

async fn server(folder: &Path, options: EdgeOptions) -> (Server, Tls) {
    let tls = load(folder).unwrap();
    let options = EdgeOptions {
        tls: Some(tls.clone()),
        ..options
    };
    (Server::start(plain(), options).await, tls)
}

/// A handshake with a server that must have the certificate of this name.
async fn shake(server: &Server, name: &str, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(format!("{FOLDER}/{name}.pem")).unwrap();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, server.connect().await)
        .await
}

#[tokio::test]
async fn a_request_over_tls_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    put("first", folder.path());
    let (server, _) = server(folder.path(), EdgeOptions::default()).await;
    let mut connection = shake(&server, "first", "http/1.1").await.unwrap();
    connection.write_all(REQUEST).await.unwrap();
    assert!(rest(&mut connection).await.ends_with("hello"));
}

#[tokio::test]
async fn http_2_is_agreed_upon() {
    let folder = tempfile::tempdir().unwrap();
    put("first", folder.path());
    let (server, _) = server(folder.path(), EdgeOptions::default()).await;
    let mut connection = shake(&server, "first", "h2").await.unwrap();
    assert_eq!(connection.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    // An empty SETTINGS frame is answered with the server's.
    connection
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut head = [0; 9];
    in_time(connection.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[3], 4, "{head:?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    put("first", folder.path());
    let (server, tls) = server(folder.path(), EdgeOptions::default()).await;
    assert!(!tls.reload().unwrap(), "nothing has changed");
    put("second", folder.path());
    assert!(tls.reload().unwrap());
    assert!(shake(&server, "second", "h2").await.is_ok());
    assert!(
        shake(&server, "first", "h2").await.is_err(),
        "the old one is gone"
    );
    std::fs::write(folder.path().join("server.pem"), "half a fi").unwrap();
    assert!(tls.reload().is_err());
    assert!(
        shake(&server, "second", "h2").await.is_ok(),
        "the last good one stays"
    );
}

#[tokio::test]
async fn files_that_are_wrong_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    let says = |part: &str| {
        let error = load(folder.path()).expect_err("it was taken");
        assert!(error.contains(part) && error.contains("server."), "{error}");
        assert!(!error.contains("PRIVATE"), "{error}");
    };
    says("tls.certificate");
    put("first", folder.path());
    std::fs::write(&key, "").unwrap();
    says("tls.key");
    std::fs::copy(format!("{FOLDER}/second.key"), &key).unwrap();
    says("cannot be used");
    put("first", folder.path());
    std::fs::copy(&key, &pem).unwrap();
    says("0 certificates");
}

#[tokio::test]
async fn who_does_not_shake_hands_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    put("first", folder.path());
    let (server, _) = server(folder.path(), short_headers()).await;
    assert_eq!(rest(&mut server.connect().await).await, "", "it said nothing");
    let mut plain = server.connect().await;
    plain.write_all(REQUEST).await.unwrap();
    assert!(!rest(&mut plain).await.contains("hello"), "it spoke plain HTTP");
}
