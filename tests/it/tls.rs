//! TLS from the flags to what a client meets.

use std::path::Path;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::client::{Server, indexed};
use crate::support::{run, text, wattwise};

const FILES: [&str; 4] = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

/// Writes a new identity and gives its certificate.
fn write_identity(folder: &Path) -> reqwest::Certificate {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let identity = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = identity.cert.pem();
    std::fs::write(folder.join("cert.pem"), &certificate).unwrap();
    std::fs::write(folder.join("key.pem"), identity.signing_key.serialize_pem()).unwrap();
    reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap()
}

fn trusting(certificate: &reqwest::Certificate) -> reqwest::ClientBuilder {
    wattwise::runtime::tls::install_provider();
    reqwest::Client::builder()
        .tls_certs_only([certificate.clone()])
        // Each request shakes hands anew.
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_are_spoken_over_tls() {
    let folder = indexed();
    let certificate = write_identity(folder.path());
    let bounds = ["--max-connections", "1", "--first-bytes-timeout", "1"];
    let server = Server::start(folder.path(), &[&FILES[..], &bounds].concat());
    let address = server.base_url.strip_prefix("http://").unwrap();
    let url = format!("https://{address}/version/");
    for (builder, version) in [
        (trusting(&certificate), reqwest::Version::HTTP_2),
        (
            trusting(&certificate).http1_only(),
            reqwest::Version::HTTP_11,
        ),
    ] {
        let response = builder.build().unwrap().get(&url).send().await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(response.status().as_u16(), 307);
        let location = response.headers()["location"].to_str().unwrap();
        assert_eq!(location, url.trim_end_matches('/'));
    }
    // Who does not shake hands loses the only slot, and nobody is answered in the clear.
    let mut silent = TcpStream::connect(address).await.unwrap();
    let plain = server.request("GET /version").send().await;
    assert!(plain.is_err());
    assert!(silent.read_u8().await.is_err());
    let client = trusting(&certificate).build().unwrap();
    assert_eq!(
        client.get(&url).send().await.unwrap().status().as_u16(),
        307
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_up_and_a_bad_one_is_not() {
    let folder = indexed();
    let first = trusting(&write_identity(folder.path())).build().unwrap();
    let server = Server::start(folder.path(), &FILES);
    let url = server.base_url.replace("http:", "https:") + "/healthz";
    let works = async |client: &reqwest::Client| client.get(&url).send().await.is_ok();
    assert!(works(&first).await);

    let second = trusting(&write_identity(folder.path())).build().unwrap();
    assert!(works(&first).await && !works(&second).await);
    server.signal("-HUP");
    server.logged("new connections get the certificate").await;
    assert!(works(&second).await && !works(&first).await);

    std::fs::write(folder.path().join("cert.pem"), "half a certificate").unwrap();
    server.signal("-HUP");
    server.logged("the certificate was not replaced").await;
    server.logged("cert.pem holds no certificate").await;
    assert!(works(&second).await);
}

#[test]
fn files_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["serve"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        text(&output)
    };
    assert!(serve(&FILES[..2]).contains("--tls-key"));
    assert!(serve(&FILES).contains("cannot read cert.pem"));
    write_identity(folder.path());
    let key = std::fs::read(folder.path().join("key.pem")).unwrap();
    write_identity(folder.path());
    std::fs::write(folder.path().join("key.pem"), key).unwrap();
    assert!(serve(&FILES).contains("key.pem does not belong to the first certificate in cert.pem"));
}

#[test]
fn folders_are_read_where_no_certificate_authority_is_known() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("docs")).unwrap();
    std::fs::write(
        folder.path().join("docs/loft.md"),
        "# Loft\n\nLay 270 mm of mineral wool between and across the joists.\n",
    )
    .unwrap();
    let list = r#"{"energy_saving_resources": ["https://127.0.0.1:1/page"]}"#;
    std::fs::write(folder.path().join("urls.json"), list).unwrap();
    let ingest = |more: &[&str]| {
        let arguments = [&["ingest", "--docs", "docs", "--index", "index"], more].concat();
        wattwise(folder.path(), &arguments)
            .env("SSL_CERT_FILE", folder.path().join("none.pem"))
            .env("SSL_CERT_DIR", folder.path().join("none"))
            .output()
            .unwrap()
    };
    let read = ingest(&[]);
    assert!(read.status.success(), "{}", text(&read));
    let some = ingest(&["--urls", "urls.json", "--allow-private"]);
    assert_eq!(some.status.code(), Some(1), "{}", text(&some));
    assert!(text(&some).contains("ca-certificates"), "{}", text(&some));
}
