//! What a page says about itself in JSON-LD (schema.org).

use serde_json::Value;

/// What is read of a page's JSON-LD.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Linked {
    /// Whether it says that the page is an article.
    pub(super) is_article: bool,
    /// The text of the article, for pages that show it only by script.
    pub(super) article_body: Option<String>,
    /// The article's headline.
    pub(super) headline: Option<String>,
    /// Questions with their answers.
    pub(super) questions: Vec<(String, String)>,
}

impl Linked {
    /// Reads the scripts of a page; what is no JSON is passed over.
    pub(super) fn read(scripts: &[String]) -> Self {
        let mut linked = Self::default();
        for script in scripts {
            // The parser refuses deep nesting, so the walk is bounded.
            if let Ok(value) = serde_json::from_str::<Value>(script.trim()) {
                linked.visit(&value);
            }
        }
        linked
    }

    fn visit(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Object(fields) => {
                let kinds = match fields.get("@type") {
                    Some(Value::Array(kinds)) => kinds.as_slice(),
                    Some(kind) => std::slice::from_ref(kind),
                    None => &[],
                };
                let is = |name: &str| {
                    kinds
                        .iter()
                        .any(|kind| kind.as_str().is_some_and(|kind| kind.ends_with(name)))
                };
                let text = |name: &str| {
                    let text = fields.get(name)?.as_str()?.trim();
                    (!text.is_empty()).then(|| text.to_owned())
                };
                if is("Article") || is("BlogPosting") {
                    self.is_article = true;
                    self.article_body = self.article_body.take().or_else(|| text("articleBody"));
                    self.headline = self.headline.take().or_else(|| text("headline"));
                }
                if is("Question")
                    && let Some(question) = text("name")
                    && let Some(answer) = fields
                        .get("acceptedAnswer")
                        .and_then(|answer| answer.get("text"))
                        .and_then(Value::as_str)
                {
                    self.questions.push((question, answer.to_owned()));
                }
                fields.values().for_each(|field| self.visit(field));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_and_questions_are_found_inside_graphs() {
        let script = r#"{"@graph":[{"@type":["Thing","NewsArticle"],"headline":"H","articleBody":" B "},
            {"@type":"FAQPage","mainEntity":[{"@type":"Question","name":"Q?","acceptedAnswer":{"text":"A."}}]}]}"#;
        let linked = Linked::read(&[script.to_owned(), "{".to_owned()]);
        assert!(linked.is_article);
        assert_eq!(linked.article_body.as_deref(), Some("B"));
        assert_eq!(linked.headline.as_deref(), Some("H"));
        assert_eq!(linked.questions, [("Q?".to_owned(), "A.".to_owned())]);
    }
}
