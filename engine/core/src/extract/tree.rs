//! The places that JSON pointers name, as one tree, so that a payload is gone through once for all of them.

/// A node of the tree of all JSON pointers.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Places whose pointer ends here.
    pub(super) slots: Vec<usize>,
    /// Few, so that a name is found by its length and bytes.
    children: Vec<Child>,
}

#[derive(Debug)]
struct Child {
    name: String,
    /// The name as the index of an array's element.
    index: Option<usize>,
    node: Node,
}

impl Node {
    /// Adds a pointer.
    pub(super) fn insert(&mut self, pointer: &str, slot: usize) {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            let name = token.replace("~1", "/").replace("~0", "~");
            let known = node.children.iter().position(|child| child.name == name);
            let place = known.unwrap_or(node.children.len());
            if known.is_none() {
                node.children.push(Child {
                    index: index(&name),
                    name,
                    node: Self::default(),
                });
            }
            node = &mut node.children[place].node;
        }
        node.slots.push(slot);
    }

    /// The node of a member.
    #[inline]
    pub(super) fn member(&self, name: &[u8]) -> Option<&Self> {
        let mut children = self.children.iter();
        let child = children.find(|child| child.name.as_bytes() == name)?;
        Some(&child.node)
    }

    /// The node of an element.
    pub(super) fn element(&self, index: usize) -> Option<&Self> {
        let mut children = self.children.iter();
        let child = children.find(|child| child.index == Some(index))?;
        Some(&child.node)
    }
}

/// RFC 6901: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let index: usize = token.parse().ok()?;
    (index.to_string() == token).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_digits_is_a_member_and_an_element() {
        let mut root = Node::default();
        root.insert("/10/a~1b", 3);
        let slots = |node: Option<&Node>| node.map(|node| node.slots.clone());
        assert_eq!(
            slots(root.element(10).and_then(|node| node.member(b"a/b"))),
            Some(vec![3])
        );
        assert!(root.member(b"10").is_some() && root.element(1).is_none());
        root.insert("/01", 4);
        assert!(root.element(1).is_none() && root.member(b"01").is_some());
    }
}
