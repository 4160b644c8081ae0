//! Policies that are pinned, and policies that somebody signed.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::http::Response;
use crate::support::process::{Finished, run};
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden, write_file};

const NOVA_ONLY: &str = "version: 1\nscope: org\nallow:\n  - models: [\"amazon.*\"]\n";

/// A place where bundles are signed.
struct Signer {
    home: tempfile::TempDir,
}

impl Signer {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let signer = Self { home };
        let (private, public) = (signer.path("key"), signer.path("public.pem"));
        let made = signer.run(&["keygen", "--private-key", &private, "--public-key", &public]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        signer
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        run(self.home.path(), ["policy", "bundle"].iter().chain(arguments))
    }

    /// A folder whose floor is `org`, signed and packed.
    fn sign(&self, revision: u64, org: &str) -> Signed {
        let folder = self.home.path().join(format!("bundle-{revision}-{}", org.len()));
        write_file(&folder.join("org.yaml"), org);
        write_file(
            &folder.join("teams/payments.yaml"),
            &format!("version: 1\nscope: team/payments\n{ALLOW_ALL}"),
        );
        let packed = folder.with_extension("json");
        let (revision, text) = (revision.to_string(), |path: &Path| path.to_str().unwrap().to_owned());
        let signed = self.run(&[
            "sign",
            "--policies",
            &text(&folder),
            "--key",
            &self.path("key"),
            "--revision",
            &revision,
            "--pack",
            &text(&packed),
        ]);
        assert_eq!(signed.code, 0, "{}", signed.stderr);
        Signed { folder, digest: signed.stdout.lines().last().unwrap().to_owned() }
    }
}

struct Signed {
    folder: PathBuf,
    digest: String,
}

impl Signed {
    /// Puts the bundle where a warden reads its policies, file by file.
    fn put(&self, policies: &Path) {
        for name in ["org.yaml", "teams/payments.yaml", "manifest.json", "manifest.sig"] {
            let fresh = policies.parent().unwrap().join("fresh");
            std::fs::copy(self.folder.join(name), &fresh).unwrap();
            std::fs::create_dir_all(policies.join(name).parent().unwrap()).unwrap();
            std::fs::rename(&fresh, policies.join(name)).unwrap();
        }
    }
}

fn everything() -> String {
    format!("version: 1\nscope: org\n{ALLOW_ALL}")
}

fn hello(warden: &TestWarden) -> Response {
    warden.send(Call::converse(HAIKU, "say: hello"))
}

/// What `/readyz` says.
fn ready(warden: &TestWarden) -> (u16, Value) {
    let admin = warden.admin();
    let answer = admin.send(&Call::new("GET", "/readyz", "").header("host", &admin.authority()));
    (answer.status, answer.json())
}

/// A warden that takes its policies from a signed folder.
fn from_folder(signer: &Signer, first: &Signed) -> TestWarden {
    let source = signer.path("live");
    first.put(Path::new(&source));
    Setup::new()
        .edit("policies: policies/\n", "")
        .setting("WARDEN_POLICIES_SOURCE", &source)
        .setting("WARDEN_POLICIES_PUBLIC_KEY", &signer.path("public.pem"))
        .start()
}

#[test]
fn only_policies_of_the_pinned_digest_are_ever_used() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policies.md")).unwrap();
    let line = page.lines().find(|line| line.contains("xargs sha256sum")).unwrap();
    let signer = Signer::new();
    let signed = signer.sign(1, &everything());
    std::fs::create_dir(signed.folder.join("policies")).unwrap();
    for name in ["org.yaml", "teams"] {
        std::fs::rename(signed.folder.join(name), signed.folder.join("policies").join(name)).unwrap();
    }
    let sum =
        std::process::Command::new("sh").args(["-c", line]).current_dir(&signed.folder).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(format!("sha256:{sum}"), signed.digest);

    let mut warden = Setup::new().setting("WARDEN_POLICIES_SHA256", &sum).start();
    assert_eq!(hello(&warden).converse_text(), "hello");
    warden.write_policy("org.yaml", NOVA_ONLY);
    eventually("the other digest to be reported", || warden.stderr().contains("only `sha256:"));
    assert_eq!(hello(&warden).converse_text(), "hello");
    let (status, said) = ready(&warden);
    assert!(status == 503 && said["checks"]["rules"].as_str().unwrap().contains("only `sha256:"), "{said}");
    // A restart finds the last good ones, which are the pinned ones.
    warden.terminate();
    warden.wait_for_exit();
    warden.restart();
    assert_eq!(hello(&warden).converse_text(), "hello");
    warden.terminate();
    warden.wait_for_exit();
    let config = warden.config();
    let other = format!("sha256:{}", "0".repeat(64));
    let arguments = ["serve", "--config", config.to_str().unwrap(), "--policy-sha256", &other];
    let refused = run(warden.home(), arguments);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("only `{other}` may be used")), "{}", refused.stderr);
}

#[test]
fn a_signed_folder_is_used_and_goes_forward_only() {
    let signer = Signer::new();
    let (first, second) = (signer.sign(1, &everything()), signer.sign(2, NOVA_ONLY));
    let mut warden = from_folder(&signer, &first);
    let live = PathBuf::from(signer.path("live"));
    assert_eq!(hello(&warden).converse_text(), "hello");
    second.put(&live);
    eventually("the second revision to deny", || hello(&warden).status == 403);
    eventually("the second revision to be in order", || ready(&warden).0 == 200);
    first.put(&live);
    eventually("the first revision to be refused", || {
        ready(&warden).1["checks"]["rules"].as_str().unwrap().contains("revision 1 is older than revision 2")
    });
    assert_eq!(hello(&warden).status, 403);
    warden.terminate();
    warden.wait_for_exit();
    warden.restart();
    assert_eq!(hello(&warden).status, 403);
    assert_eq!(ready(&warden).1["policy"], second.digest.as_str());
}

#[test]
fn what_nobody_signed_is_not_used_fails_closed() {
    let signer = Signer::new();
    let mut warden = from_folder(&signer, &signer.sign(1, NOVA_ONLY));
    let live = PathBuf::from(signer.path("live"));
    assert_eq!(hello(&warden).status, 403);
    let stranger = Signer::new();
    let table: [(&str, Box<dyn Fn()>); 3] = [
        (
            "`org.yaml` is not the file that was signed",
            Box::new(|| write_file(&live.join("org.yaml"), &everything())),
        ),
        (
            "the signature is not one of the configured key",
            Box::new(|| stranger.sign(9, &everything()).put(&live)),
        ),
        (
            "there is no `manifest.json`",
            Box::new(|| std::fs::remove_file(live.join("manifest.sig")).unwrap()),
        ),
    ];
    for (reason, change) in table {
        change();
        eventually(reason, || ready(&warden).1["checks"]["rules"].as_str().unwrap().contains(reason));
        assert_eq!(hello(&warden).status, 403, "{reason}");
    }
    warden.terminate();
    warden.wait_for_exit();
    warden.restart();
    assert_eq!(hello(&warden).status, 403);
    assert!(warden.stderr().contains("the last good ones are"), "{}", warden.stderr());
    // What was kept is proven again, too.
    warden.terminate();
    warden.wait_for_exit();
    let kept = warden.folder().join("data/last-good-policies.json");
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(text.contains("amazon.*"));
    std::fs::write(&kept, text.replace("amazon.*", "*")).unwrap();
    let config = warden.config();
    let mut command = crate::support::process::warden_command(warden.home());
    command.args(["serve", "--config", config.to_str().unwrap()]);
    command.env("WARDEN_POLICIES_SOURCE", &live).env("WARDEN_POLICIES_PUBLIC_KEY", signer.path("public.pem"));
    let refused = crate::support::process::finish(&mut command);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("there is no `manifest.json`"), "{}", refused.stderr);
}

#[test]
fn bundles_are_proven_on_the_command_line_and_by_openssl() {
    let signer = Signer::new();
    let signed = signer.sign(3, &everything());
    let (folder, public) = (signed.folder.to_str().unwrap(), signer.path("public.pem"));
    let packed = format!("{folder}.json");
    for place in [["--policies", folder], ["--bundle", packed.as_str()]] {
        let proven = signer.run(&[&["verify", "--public-key", &public], place.as_slice()].concat());
        assert_eq!(proven.code, 0, "{}", proven.stderr);
        assert!(proven.stdout.starts_with("revision 3, 2 files, not after 20"), "{}", proven.stdout);
        assert!(proven.stdout.contains(&signed.digest), "{}", proven.stdout);
        let stranger = Signer::new().path("public.pem");
        let other = Signer::new();
        assert!(!Path::new(&stranger).exists());
        let refused =
            signer.run(&[&["verify", "--public-key", &other.path("public.pem")], place.as_slice()].concat());
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        assert!(refused.stdout.contains("not valid: the signature"), "{}", refused.stdout);
    }
    let script = format!(
        "base64 -d manifest.sig > sig && openssl pkeyutl -verify -pubin -inkey {public} -rawin -in manifest.json -sigfile sig"
    );
    let proven = std::process::Command::new("sh").args(["-c", &script]).current_dir(folder).output().unwrap();
    assert!(proven.status.success(), "{proven:?}");
    let private = std::fs::metadata(signer.path("key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&private.permissions()) & 0o777, 0o600);
    let again = signer.run(&["keygen", "--private-key", &signer.path("key"), "--public-key", &public]);
    assert_eq!(again.code, 2, "a key must not be overwritten");
}

#[test]
fn what_does_not_hold_is_not_signed() {
    let signer = Signer::new();
    let folder = signer.home.path().join("bad");
    let sign = || {
        let (folder, key) = (folder.to_str().unwrap().to_owned(), signer.path("key"));
        let signed = signer.run(&["sign", "--policies", &folder, "--key", &key, "--revision", "1"]);
        assert!(signed.code == 0 || !Path::new(&folder).join("manifest.json").exists());
        (signed.code, signed.stderr)
    };
    write_file(&folder.join("org.yaml"), "version: 1\nscope: [org\n");
    assert_eq!(sign().0, 2);
    write_file(&folder.join("org.yaml"), &everything());
    write_file(
        &folder.join("teams/payments.yaml"),
        &format!("version: 1\nscope: team/payments\n{ALLOW_ALL}"),
    );
    write_file(
        &folder.join("tests/a.yaml"),
        &format!(
            "cases:\n  - name: it\n    given: {{ team: payments, app: a }}\n    request: {{ model: {HAIKU} }}\n    expect: {{ decision: deny }}\n"
        ),
    );
    let (code, said) = sign();
    assert!(code == 2 && said.contains("tests of the policies fail: 1"), "{said}");
}
