//! A TOML document as the writer and the builder put it together, and how it is laid out: short
//! tables stand on one line, long ones get a header of their own.

use super::string::{key as toml_key, many_lines, one_line};

/// The longest line that is written where it can be broken.
const WIDTH: usize = 100;

/// A value, with how it likes to be written.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A number or a boolean, as TOML writes it.
    Bare(String),
    /// A string that stays on one line.
    Text(String),
    /// A string that is written over several lines where it has several.
    Prose(String),
    /// A list.
    List(Vec<Value>),
    /// A list that one value alone may stand for.
    OneOrMany(Vec<Value>),
    /// A table, on one line where it fits.
    Table(Table),
    /// A table under a header of its own.
    Section(Table),
    /// Sections by name, without a header for the whole.
    Group(Table),
    /// A list of sections, `[[…]]`.
    Sections(Vec<Table>),
}

impl Value {
    pub(crate) fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn bare(value: impl ToString) -> Self {
        Self::Bare(value.to_string())
    }

    pub(crate) fn texts<T: ToString>(texts: impl IntoIterator<Item = T>) -> Vec<Self> {
        texts.into_iter().map(Self::text).collect()
    }

    /// The whole value on one line; `None` where it wants several, whatever the width.
    fn on_one_line(&self) -> Option<String> {
        match self {
            Self::Prose(text) if text.contains('\n') => None,
            Self::Bare(text) => Some(text.clone()),
            Self::Text(text) | Self::Prose(text) => Some(one_line(text)),
            Self::OneOrMany(values) if values.len() == 1 => values[0].on_one_line(),
            Self::List(values) | Self::OneOrMany(values) => {
                let values: Option<Vec<_>> = values.iter().map(Self::on_one_line).collect();
                Some(format!("[{}]", values?.join(", ")))
            }
            Self::Table(table) if table.0.is_empty() => Some("{}".to_owned()),
            Self::Table(table) => {
                let entry = |(key, value): &(String, Self)| {
                    Some(format!("{} = {}", toml_key(key), value.on_one_line()?))
                };
                let entries: Option<Vec<_>> = table.0.iter().map(entry).collect();
                Some(format!("{{ {} }}", entries?.join(", ")))
            }
            Self::Section(_) | Self::Group(_) | Self::Sections(_) => None,
        }
    }

    /// Whether it fits on one line after so many other characters.
    fn fits(&self, before: usize) -> bool {
        self.on_one_line().is_some_and(|line| before + line.chars().count() <= WIDTH)
    }

    /// The value where it may take several lines but has to stand behind its key.
    fn in_place(&self, before: usize) -> String {
        match self {
            Self::Prose(text) if text.contains('\n') => many_lines(text),
            Self::OneOrMany(values) if values.len() == 1 => values[0].in_place(before),
            Self::List(values) | Self::OneOrMany(values) if !self.fits(before) => {
                let mut out = String::from("[\n");
                for value in values {
                    out.push_str("  ");
                    out.push_str(&value.in_place(WIDTH));
                    out.push_str(",\n");
                }
                out.push(']');
                out
            }
            Self::Table(table) | Self::Section(table) | Self::Group(table)
                if !table.0.is_empty() && self.on_one_line().is_none() =>
            {
                let entries: Vec<_> = table
                    .0
                    .iter()
                    .map(|(key, value)| format!("{} = {}", toml_key(key), value.in_place(0)))
                    .collect();
                format!("{{ {} }}", entries.join(", "))
            }
            _ => self.on_one_line().unwrap_or_else(|| "{}".to_owned()),
        }
    }

    fn as_table(&self) -> Option<&Table> {
        if let Self::Table(table) = self { Some(table) } else { None }
    }

    /// The tables of a list that has nothing but tables, of which some do not fit on a line.
    fn as_wide_tables(&self) -> Option<Vec<&Table>> {
        match self {
            Self::Sections(tables) => Some(tables.iter().collect()),
            Self::List(values) | Self::OneOrMany(values) => {
                let tables: Option<Vec<_>> = values.iter().map(Self::as_table).collect();
                let tables = tables?;
                values.iter().any(|value| !value.fits(4)).then_some(tables)
            }
            _ => None,
        }
    }
}

/// A table: keys and values in the order in which they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Vec<(String, Value)>);

impl Table {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts a value under a key, in place of the one that was there.
    pub(crate) fn set(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(there, _)| there == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Puts a value under a key, before all others.
    pub(crate) fn set_first(&mut self, key: &str, value: Value) {
        self.0.retain(|(there, _)| there != key);
        self.0.insert(0, (key.to_owned(), value));
    }

    /// Adds a key even where it is there already: what reads the document will say so.
    pub(crate) fn add(&mut self, key: &str, value: Value) {
        self.0.push((key.to_owned(), value));
    }

    /// Puts everything of another table into this one; to a list of tables, more are added.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, value) in other.0 {
            match value {
                Value::OneOrMany(values) if values.iter().any(|v| v.as_table().is_some()) => {
                    values.into_iter().for_each(|value| self.push(&key, value));
                }
                value => self.set(&key, value),
            }
        }
    }

    /// Puts a value under a key where there is one.
    pub(crate) fn set_some(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// Puts a list under a key, unless it is empty.
    pub(crate) fn set_many(&mut self, key: &str, values: Vec<Value>) {
        if !values.is_empty() {
            self.set(key, Value::OneOrMany(values));
        }
    }

    /// Puts a table under a key, unless it is empty.
    pub(crate) fn set_table(&mut self, key: &str, table: Table) {
        if !table.is_empty() {
            self.set(key, Value::Table(table));
        }
    }

    /// Adds one more to the list under a key.
    pub(crate) fn push(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(there, _)| there == key) {
            Some((_, Value::OneOrMany(values))) => values.push(value),
            _ => self.set(key, Value::OneOrMany(vec![value])),
        }
    }

    /// Adds one more to the list under a key, which is always written as a list.
    pub(crate) fn append(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(there, _)| there == key) {
            Some((_, Value::List(values))) => values.push(value),
            _ => self.set(key, Value::List(vec![value])),
        }
    }

    /// The table under a key, made where there is none yet.
    pub(crate) fn table(&mut self, key: &str) -> &mut Table {
        self.table_as(key, Value::Table)
    }

    /// The group of sections under a key, made where there is none yet.
    pub(crate) fn group(&mut self, key: &str) -> &mut Table {
        self.table_as(key, Value::Group)
    }

    fn table_as(&mut self, key: &str, make: fn(Table) -> Value) -> &mut Table {
        let is_table =
            |value: &Value| matches!(value, Value::Table(_) | Value::Section(_) | Value::Group(_));
        if !self.0.iter().any(|(there, value)| there == key && is_table(value)) {
            self.set(key, make(Table::default()));
        }
        let value = self.0.iter_mut().find(|(there, _)| there == key).map(|(_, value)| value);
        match value {
            Some(Value::Table(table) | Value::Section(table) | Value::Group(table)) => table,
            _ => unreachable!("the key has just been given a table"),
        }
    }

    /// The value of the one entry of this key, where nothing else is in the table.
    pub(crate) fn only(&self, key: &str) -> Option<&Value> {
        match &self.0[..] {
            [(there, value)] if there == key => Some(value),
            _ => None,
        }
    }

    /// The whole document.
    pub(crate) fn to_document(&self) -> String {
        let mut out = String::new();
        self.write_body(&mut out, "");
        out
    }

    fn write_body(&self, out: &mut String, path: &str) {
        let mut sections: Vec<(String, &Value)> = Vec::new();
        for (key, value) in &self.0 {
            let key = toml_key(key);
            // Once a table has a header, those after it get one too: the order stays.
            let is_section = match value {
                Value::Section(_) | Value::Group(_) | Value::Sections(_) => true,
                Value::Table(_) => !sections.is_empty() || !value.fits(key.len() + 3),
                Value::List(_) | Value::OneOrMany(_) => {
                    !value.fits(key.len() + 3) && value.as_wide_tables().is_some()
                }
                _ => false,
            };
            if is_section {
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                sections.push((path, value));
            } else {
                out.push_str(&format!("{key} = {}\n", value.in_place(key.len() + 3)));
            }
        }
        for (section, value) in sections {
            match value {
                Value::Table(table) | Value::Section(table) => {
                    table.write_section(out, path, &section, 1)
                }
                Value::Group(table) => table.write_body(out, &section),
                list => {
                    for table in list.as_wide_tables().unwrap_or_default() {
                        table.write_section(out, path, &section, 2);
                    }
                }
            }
        }
    }

    fn write_section(&self, out: &mut String, parent: &str, path: &str, brackets: usize) {
        // Headers with nothing under them stand together: `[node.left]`, `[node.right]`.
        let follows_sister = !parent.is_empty()
            && out.lines().next_back().is_some_and(|line| {
                line.strip_prefix('[').is_some_and(|line| line.starts_with(parent))
            });
        if !out.is_empty() && !follows_sister {
            out.push('\n');
        }
        out.push_str(&format!("{}{path}{}\n", "[".repeat(brackets), "]".repeat(brackets)));
        self.write_body(out, path);
    }
}
