//! Which sample backends run, and who may stop them?

use serde_json::json;
use tokio::sync::watch;

/// A switch per backend. A stopped backend's port refuses connections, as a pod's does that was killed.
#[derive(Debug, Default)]
pub struct Switchboard {
    switches: Vec<(String, watch::Sender<bool>)>,
}

impl Switchboard {
    /// Adds a backend that runs; it stops when the receiver says false.
    pub fn add(&mut self, name: &str) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(true);
        self.switches.push((name.to_owned(), sender));
        receiver
    }

    /// False: there is no backend of that name.
    pub fn set(&self, name: &str, is_on: bool) -> bool {
        let Some((_, switch)) = self.switches.iter().find(|(known, _)| known == name) else {
            return false;
        };
        switch.send_replace(is_on);
        true
    }

    /// `{"frontend-1": "running", ...}`, in the order of `add`.
    pub fn states(&self) -> serde_json::Value {
        let states = self.switches.iter().map(|(name, switch)| {
            let word = if *switch.borrow() {
                "running"
            } else {
                "stopped"
            };
            (name.clone(), json!(word))
        });
        serde_json::Value::Object(states.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_thrown_by_name_and_an_unknown_name_is_said() {
        let mut board = Switchboard::default();
        let frontend = board.add("frontend-1");
        let vm = board.add("backend");
        assert!(board.set("frontend-1", false));
        assert!(!board.set("frontend-9", false));
        assert!(!*frontend.borrow());
        assert!(*vm.borrow());
        assert_eq!(
            board.states().to_string(),
            r#"{"frontend-1":"stopped","backend":"running"}"#
        );
    }
}
