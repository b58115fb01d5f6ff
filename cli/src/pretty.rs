//! JSON with a field a line: every number, text and array stays as it was written, which a parser would not promise.

/// Spaces of one level.
const INDENT: usize = 2;

/// Writes valid JSON with a field a line.
pub(crate) fn pretty(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut chars = json.chars().peekable();
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', depth * INDENT));
    };
    while let Some(c) = chars.next() {
        if in_text {
            text.push(c);
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            ' ' | '\n' | '\r' | '\t' => {}
            '"' => {
                in_text = true;
                text.push(c);
            }
            '{' | '[' => {
                text.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_space_between_the_parts_changes() {
        let json = r#"{"big":123456789012345678901234567890,"f":1.10,"none":[ ],"o":{},"t":"a \" {,:[ ] \\","l":[1,{"x":null}]}"#;
        let expected = "{\n  \"big\": 123456789012345678901234567890,\n  \"f\": 1.10,\n  \"none\": [],\n  \"o\": {},\n  \"t\": \"a \\\" {,:[ ] \\\\\",\n  \"l\": [\n    1,\n    {\n      \"x\": null\n    }\n  ]\n}";
        assert_eq!(pretty(json), expected);
        assert_eq!(pretty(expected), expected);
    }
}
