//! What the next calls meet, planned ahead: a thing, how many calls it lasts for, and which ones.

use serde::{Deserialize, Serialize};

use crate::shared::Shared;

/// One thing planned and the calls it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule<T> {
    /// What they meet.
    #[serde(flatten)]
    pub what: T,
    /// How many calls it lasts for.
    #[serde(default = "once")]
    pub times: u32,
    /// Only calls whose `METHOD /path` contains this; all when empty.
    #[serde(default)]
    pub path: String,
}

impl<T: Serialize> Rule<T> {
    /// The rule as its JSON, for a page.
    pub(crate) fn summary(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn once() -> u32 {
    1
}

/// The rules with calls left, in the order they were made; the first that fits is used.
#[derive(Debug)]
pub struct Plan<T>(Shared<Vec<Rule<T>>>);

impl<T> Clone for Plan<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Plan<T> {
    fn default() -> Self {
        Self(Shared::new(Vec::new()))
    }
}

impl<T: Clone> Plan<T> {
    /// Plans `what` for the next `times` calls.
    pub fn next(&self, times: u32, what: T) {
        self.next_on("", times, what);
    }

    /// Plans `what` for the next `times` calls whose `METHOD /path` contains `path`.
    pub fn next_on(&self, path: &str, times: u32, what: T) {
        self.add(Rule { what, times, path: path.to_owned() });
    }

    /// Adds a rule after those there are.
    pub fn add(&self, rule: Rule<T>) {
        if rule.times > 0 {
            self.0.lock().push(rule);
        }
    }

    /// Forgets every rule.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    /// The rules with calls left.
    pub fn pending(&self) -> Vec<Rule<T>> {
        self.0.lock().clone()
    }

    /// What is planned for this call, `METHOD /path`; the rule has one call less then.
    pub(crate) fn take(&self, call: &str) -> Option<T> {
        let mut rules = self.0.lock();
        let index = rules.iter().position(|rule| call.contains(&rule.path))?;
        let rule = &mut rules[index];
        rule.times -= 1;
        if rule.times == 0 { Some(rules.remove(index).what) } else { Some(rule.what.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn a_rule_lasts_for_as_many_calls_as_asked() {
        let plan = Plan::default();
        plan.next_on("capture", 2, Fault::Closed);

        let met =
            ["POST /capture", "GET /list", "POST /capture", "POST /capture"].map(|call| plan.take(call).is_some());

        assert_eq!(met, [true, false, true, false]);
        assert_eq!(plan.pending(), []);
    }

    #[test]
    fn a_rule_is_read_from_flat_json() {
        let text = r#"{"fault":"rate_limited","retryAfterSecs":3,"times":2,"path":"capture"}"#;

        let rule: Rule<Fault> = serde_json::from_str(text).unwrap();

        let what = Fault::RateLimited { retry_after_secs: 3 };
        assert_eq!(rule, Rule { what, times: 2, path: "capture".to_owned() });
    }
}
