//! A running `mixs`, its log line by line, and its configuration directory.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Nothing here takes nearly as long; it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command line of the program.
pub(crate) fn mixs(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mixs"));
    command.args(args).stdin(Stdio::null()).env_remove("KUBERNETES_SERVICE_HOST");
    command
}

/// What a command that ends printed.
pub(crate) fn output(args: &[&str]) -> Output {
    mixs(args).output().unwrap()
}

/// Text that was printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A running server.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    addresses: BTreeMap<String, String>,
    /// Every line seen so far.
    pub(crate) log: Vec<String>,
}

impl Program {
    /// Starts the server on ports of the system's choice.
    pub(crate) fn start(args: &[&str]) -> Self {
        let ports =
            ["--address=127.0.0.1:0", "--monitoringAddress=127.0.0.1:0", "--prometheusAddress=127.0.0.1:0"];
        let mut command = mixs(&["server"]);
        command.args(ports).args(args).stderr(Stdio::piped()).stdout(Stdio::piped());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, addresses: BTreeMap::new(), log: Vec::new() }
    }

    /// Waits for a line that has this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        if let Some(line) = self.log.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.log.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("no line with {text:?} in time: {:#?}", self.log),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without {text:?}: {:#?}", self.log),
            }
        }
    }

    /// Forgets the lines seen so far, but not the addresses that they name.
    pub(crate) fn forget(&mut self) {
        let _ = (self.address("gRPC"), self.address("monitoring"));
        while let Ok(line) = self.lines.try_recv() {
            self.log.push(line);
        }
        self.log.clear();
    }

    /// Waits until it is ready.
    pub(crate) fn ready(mut self) -> Self {
        self.wait_for("ready; next: ");
        self
    }

    fn address(&mut self, purpose: &str) -> String {
        if let Some(address) = self.addresses.get(purpose) {
            return address.clone();
        }
        let line = self.wait_for(&format!("listening for {purpose} on "));
        let address = line.split(" on ").nth(1).unwrap();
        let address = address.split([' ', '"']).next().unwrap().trim_end_matches(':').to_owned();
        self.addresses.insert(purpose.to_owned(), address.clone());
        address
    }

    /// The address of the gRPC port.
    pub(crate) fn grpc(&mut self) -> String {
        self.address("gRPC")
    }

    /// A page of the monitoring port: status and body.
    pub(crate) fn get(&mut self, path: &str) -> (u16, String) {
        get(&self.address("monitoring"), path)
    }

    /// Asks the monitoring port until the answer is right.
    pub(crate) fn until(&mut self, path: &str, right: impl Fn(u16, &str) -> bool) -> String {
        loop {
            let (status, body) = self.get(path);
            if right(status, &body) {
                return body;
            }
            std::thread::yield_now();
        }
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end: exit status, the whole log, and what went to standard output.
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>, String) {
        let mut printed = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut printed).unwrap();
        }
        let status = self.child.wait().unwrap();
        self.log.extend(self.lines.iter());
        (status, std::mem::take(&mut self.log), printed)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; one that passed has waited for the end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP/1.1 request; status and body of the answer.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A directory with configuration.
pub(crate) struct ConfigDir(tempfile::TempDir);

impl ConfigDir {
    /// A directory with one file, `config.yaml`.
    pub(crate) fn new(lines: &str) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        directory.write(lines);
        directory
    }

    /// Replaces `config.yaml`, in one step: lines of `kind name {spec}` in the default namespace.
    pub(crate) fn write(&self, lines: &str) {
        let document = |line: &str| {
            let mut parts = line.splitn(3, ' ');
            let mut next = || parts.next().expect("kind name {spec}");
            let (kind, name, spec) = (next(), next(), next());
            format!(
                "apiVersion: config.istio.io/v1alpha2\nkind: {kind}\n\
                 metadata: {{name: {name}, namespace: istio-system}}\nspec: {spec}\n---\n"
            )
        };
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let aside = self.path().join(".config.yaml.new");
        std::fs::write(&aside, lines.map(document).collect::<String>()).unwrap();
        std::fs::rename(aside, self.path().join("config.yaml")).unwrap();
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The flag that names it.
    pub(crate) fn flag(&self) -> String {
        format!("--configStoreURL=fs://{}", self.path().display())
    }

    /// A path inside.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}
