//! Reads an expression of our own words: a part of those of tcpdump, with the same meaning and the same
//! precedence (`pcap-filter(7)`).
//!
//! ```text
//!  expression = term { ("and" | "or") (term | value) }
//!  term       = "not" term | "(" expression ")" | protocol | about value
//!  about      = [protocol] [side] ("host" | "net" | "port") | [protocol] side
//!  side       = "src" | "dst" | "src or dst" | "src and dst"
//!  value      = WORD | "not" value | "(" value { ("and" | "or") value } ")"
//! ```
//!
//! `and` and `or` bind alike, from the left. A value without an *about* has that of the term before it:
//! `port 80 or 443`.

use std::ops::Range;

use super::expression::{Expression, Family, Protocol, Side, Transport};
use super::mistake::{ParseError, Problem};
use super::value;
use super::word::{Token, tokens};

/// So many brackets and negations may be in each other.
const DEEPEST: usize = 100;
/// So many words an expression may have: more than a program has room for.
const MOST: usize = 2000;

/// Reads an expression. The empty one wants everything.
///
/// # Errors
///
/// [`ParseError`]: the first thing that is wrong, and where.
pub fn parse(expression: &str) -> Result<Expression, ParseError> {
    let mut parser = Parser { text: expression, tokens: tokens(expression), next: 0, depth: 0 };
    if parser.tokens.len() > MOST {
        return Err(parser.mistake(&parser.tokens[MOST].1, Problem::TooMuch));
    }
    if parser.tokens.is_empty() {
        return Ok(Expression::Everything);
    }
    let (expression, _) = parser.expression()?;
    match parser.peek() {
        None => Ok(expression),
        Some(Token::Close) => Err(parser.here(Problem::NotOpened)),
        Some(_) => Err(parser.expected("`and` or `or`")),
    }
}

/// What a value is: what stands before it, or stood before the last one.
#[derive(Debug, Clone, Copy)]
struct About {
    protocol: Option<Protocol>,
    side: Side,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Host,
    Net,
    Port,
}

struct Parser<'e> {
    text: &'e str,
    tokens: Vec<(Token<'e>, Range<usize>)>,
    next: usize,
    depth: usize,
}

type Parsed<T> = Result<T, ParseError>;

/// `and` or `or`.
type Join = fn(Box<Expression>, Box<Expression>) -> Expression;

impl<'e> Parser<'e> {
    fn peek(&self) -> Option<Token<'e>> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Option<Token<'e>> {
        self.tokens.get(self.next + by).map(|(token, _)| *token)
    }

    fn takes(&mut self, token: Token<'_>) -> bool {
        let takes = self.peek() == Some(token);
        self.next += usize::from(takes);
        takes
    }

    /// Where the next word stands, or the end.
    fn span(&self) -> Range<usize> {
        let end = self.text.len();
        self.tokens.get(self.next).map_or(end..end, |(_, span)| span.clone())
    }

    fn mistake(&self, span: &Range<usize>, problem: Problem) -> ParseError {
        let column = self.text[..span.start].chars().count() + 1;
        ParseError { span: span.clone(), column, problem }
    }

    fn here(&self, problem: Problem) -> ParseError {
        self.mistake(&self.span(), problem)
    }

    /// Something is expected that isn't there.
    fn expected(&self, what: &'static str) -> ParseError {
        match self.peek() {
            Some(Token::Word(word)) if !is_known(word) && !is_value(word) => {
                self.here(Problem::Unknown { word: word.to_owned() })
            }
            found => {
                let found = found.map(|_| self.text[self.span()].to_owned());
                self.here(Problem::Expected { what, found })
            }
        }
    }

    /// What is read behind the bracket or the `not` that comes next.
    fn behind<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEEPEST {
            return Err(self.here(Problem::TooMuch));
        }
        self.depth += 1;
        self.next += 1;
        let parsed = read(self);
        self.depth -= 1;
        parsed
    }

    fn expression(&mut self) -> Parsed<(Expression, Option<About>)> {
        let (mut left, mut about) = self.term()?;
        while let Some(join) = self.join() {
            let right = match about {
                Some(known) if self.is_at_value() => self.value(known)?,
                _ => {
                    let (right, of_right) = self.term()?;
                    about = of_right;
                    right
                }
            };
            left = join(Box::new(left), Box::new(right));
        }
        Ok((left, about))
    }

    fn join(&mut self) -> Option<Join> {
        if self.takes(Token::And) {
            Some(Expression::And)
        } else if self.takes(Token::Or) {
            Some(Expression::Or)
        } else {
            None
        }
    }

    /// Whether a value comes, perhaps negated or in brackets.
    fn is_at_value(&self) -> bool {
        let rest = self.tokens.get(self.next..).unwrap_or_default();
        let first = rest.iter().find(|(token, _)| !matches!(token, Token::Not | Token::Open));
        matches!(first, Some((Token::Word(word), _)) if !is_known(word))
    }

    fn term(&mut self) -> Parsed<(Expression, Option<About>)> {
        if self.peek() == Some(Token::Not) {
            let (term, about) = self.behind(Self::term)?;
            return Ok((Expression::Not(Box::new(term)), about));
        }
        if self.peek() == Some(Token::Open) {
            let inner = self.in_brackets(|parser| Ok(parser.expression()?.0))?;
            return Ok((inner, None));
        }
        self.primitive()
    }

    fn in_brackets(
        &mut self,
        read: impl FnOnce(&mut Self) -> Parsed<Expression>,
    ) -> Parsed<Expression> {
        let open = self.span();
        let inner = self.behind(read)?;
        match self.peek() {
            Some(Token::Close) => self.next += 1,
            None => return Err(self.mistake(&open, Problem::NotClosed)),
            Some(_) => return Err(self.expected("`and`, `or` or `)`")),
        }
        Ok(inner)
    }

    fn primitive(&mut self) -> Parsed<(Expression, Option<About>)> {
        let start = self.span();
        let protocol = self.word(protocol);
        let side = self.side();
        let kind = self.word(kind);
        let about = match (protocol, side, kind) {
            (None, None, None) => return Err(self.no_term()),
            (Some(protocol), None, None) => return Ok((Expression::Protocol(protocol), None)),
            (protocol, side, kind) => {
                let (side, kind) = (side.unwrap_or(Side::Either), kind.unwrap_or(Kind::Host));
                About { protocol, side, kind }
            }
        };
        if !about.is_possible() {
            let protocol = about.protocol.map_or("", Protocol::word);
            let problem = Problem::Qualifier { protocol, kind: about.kind.word() };
            return Err(self.mistake(&start, problem));
        }
        Ok((self.value(about)?, Some(about)))
    }

    /// Nothing stands here that a term begins with.
    fn no_term(&self) -> ParseError {
        match self.peek() {
            Some(Token::Word(word)) if is_value(word) => {
                self.here(Problem::Alone { word: word.to_owned() })
            }
            Some(Token::Word(word)) => self.here(Problem::Unknown { word: word.to_owned() }),
            _ => self.expected("a word such as `tcp` or `host`"),
        }
    }

    /// Takes the next word where it is one of those that `read` knows.
    fn word<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let read = read(word);
        self.next += usize::from(read.is_some());
        read
    }

    fn side(&mut self) -> Option<Side> {
        let side = self.word(side)?;
        let other = if side == Side::Source { "dst" } else { "src" };
        let both = match self.peek() {
            Some(Token::Or) => Side::Either,
            Some(Token::And) => Side::Both,
            _ => return Some(side),
        };
        if self.ahead(1) != Some(Token::Word(other)) {
            return Some(side);
        }
        self.next += 2;
        Some(both)
    }

    fn value(&mut self, about: About) -> Parsed<Expression> {
        match self.peek() {
            Some(Token::Not) => {
                let value = self.behind(|parser| parser.value(about))?;
                Ok(Expression::Not(Box::new(value)))
            }
            Some(Token::Open) => self.in_brackets(|parser| {
                let mut left = parser.value(about)?;
                while let Some(join) = parser.join() {
                    left = join(Box::new(left), Box::new(parser.value(about)?));
                }
                Ok(left)
            }),
            Some(Token::Word(word)) if !is_known(word) => {
                let read = about.read(word).map_err(|problem| self.here(problem))?;
                self.next += 1;
                Ok(read)
            }
            _ => Err(self.expected(about.kind.wants())),
        }
    }
}

impl About {
    /// Whether the protocol has what is asked for.
    fn is_possible(&self) -> bool {
        match self.protocol {
            None => true,
            Some(Protocol::Family(_)) => self.kind != Kind::Port,
            Some(Protocol::Transport(_)) => self.kind == Kind::Port,
            Some(Protocol::Icmp | Protocol::Icmp6) => false,
        }
    }

    fn read(&self, word: &str) -> Result<Expression, Problem> {
        let side = self.side;
        let net = match self.kind {
            Kind::Port => {
                let within = match self.protocol {
                    Some(Protocol::Transport(transport)) => Some(transport),
                    _ => None,
                };
                return Ok(Expression::Port { side, within, port: value::port(word)? });
            }
            Kind::Host => value::host(word)?,
            Kind::Net => value::net(word)?,
        };
        let within = match self.protocol {
            Some(Protocol::Family(family)) => Some(family),
            _ => None,
        };
        if within.is_some_and(|family| (family == Family::Ipv6) != net.address.is_ipv6()) {
            let protocol = self.protocol.map_or("", Protocol::word);
            return Err(Problem::OtherFamily { word: word.to_owned(), protocol });
        }
        Ok(Expression::Address { side, within, net })
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Net => "net",
            Self::Port => "port",
        }
    }

    fn wants(self) -> &'static str {
        match self {
            Self::Host => "an address",
            Self::Net => "a net",
            Self::Port => "a port",
        }
    }
}

impl Protocol {
    const ALL: [Self; 7] = [
        Self::Family(Family::Arp),
        Self::Family(Family::Ipv4),
        Self::Family(Family::Ipv6),
        Self::Icmp,
        Self::Icmp6,
        Self::Transport(Transport::Tcp),
        Self::Transport(Transport::Udp),
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Family(Family::Arp) => "arp",
            Self::Family(Family::Ipv4) => "ip",
            Self::Family(Family::Ipv6) => "ip6",
            Self::Icmp => "icmp",
            Self::Icmp6 => "icmp6",
            Self::Transport(Transport::Tcp) => "tcp",
            Self::Transport(Transport::Udp) => "udp",
        }
    }
}

fn protocol(word: &str) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| protocol.word() == word)
}

fn kind(word: &str) -> Option<Kind> {
    [Kind::Host, Kind::Net, Kind::Port].into_iter().find(|kind| kind.word() == word)
}

fn side(word: &str) -> Option<Side> {
    match word {
        "src" => Some(Side::Source),
        "dst" => Some(Side::Destination),
        _ => None,
    }
}

fn is_known(word: &str) -> bool {
    protocol(word).is_some() || kind(word).is_some() || side(word).is_some()
}

/// Whether a word looks like an address, a net or a port.
fn is_value(word: &str) -> bool {
    value::net(word).is_ok() || value::port(word).is_ok()
}
