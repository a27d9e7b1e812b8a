//! Who at this terminal looks at its call code, and what they see. Whoever holds an [`Asking`] sees every code as it is
//! made; when the last one is dropped, nobody asks the server any more.

use kaishin_proto::time::Time;
use tokio::sync::watch;

/// Four digits, and until when the support desk understands them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub code: String,
    pub until: Time,
}

/// The way to the running agent; cheap to clone.
#[derive(Clone, Debug)]
pub struct CallCodes {
    asking: watch::Sender<usize>,
    shown: watch::Receiver<Option<Shown>>,
}

/// Somebody looks.
#[derive(Debug)]
pub struct Asking(CallCodes);

/// The agent's own side.
#[derive(Debug)]
pub struct Supply {
    asking: watch::Receiver<usize>,
    shown: watch::Sender<Option<Shown>>,
}

pub fn pair() -> (CallCodes, Supply) {
    let (asking, asked) = watch::channel(0);
    let (shown, seen) = watch::channel(None);
    (CallCodes { asking, shown: seen }, Supply { asking: asked, shown })
}

impl CallCodes {
    pub fn ask(&self) -> Asking {
        self.asking.send_modify(|count| *count += 1);
        Asking(self.clone())
    }
}

impl Asking {
    /// What is to be seen now.
    pub fn now(&mut self) -> Option<Shown> {
        self.0.shown.borrow_and_update().clone()
    }

    /// Until something else is to be seen; false once the agent has ended.
    pub async fn changed(&mut self) -> bool {
        self.0.shown.changed().await.is_ok()
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asking.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Supply {
    /// Whether somebody looks, each time that it may have become otherwise.
    pub async fn wanted(&mut self) -> bool {
        match self.asking.changed().await {
            Ok(()) => *self.asking.borrow_and_update() > 0,
            // Nobody can ask any more, and nothing will ever change.
            Err(_) => std::future::pending().await,
        }
    }

    pub fn show(&self, shown: Option<Shown>) {
        self.shown.send_replace(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_wanted_while_somebody_looks_and_all_see_the_same() {
        let (codes, mut supply) = pair();
        let mut first = codes.ask();
        assert!(supply.wanted().await);
        let mut second = codes.ask();
        let shown = Shown {
            code: "4712".into(),
            until: Time(9),
        };
        supply.show(Some(shown.clone()));
        assert!(first.changed().await && second.changed().await);
        assert_eq!((first.now(), second.now()), (Some(shown.clone()), Some(shown)));
        drop(first);
        assert!(supply.wanted().await);
        drop(second);
        assert!(!supply.wanted().await);
    }
}
