//! Names of what is in the folder.

use super::*;

#[test]
fn a_name_says_whose_it_is_and_what() {
    let is = |text: &str, kind| {
        let tenant = text.split('.').next().unwrap();
        assert_eq!(parse(text), Some((Name::new(tenant).unwrap(), kind)), "{text}");
    };
    is("shop", Kind::Database(0));
    is("shop.1", Kind::Database(1));
    is("shop.18446744073709551615", Kind::Database(u64::MAX));
    is("shop.damaged-3", Kind::Damaged(3));
    let foreign = [
        "",
        ".",
        ".1",
        "Shop",
        "shop.",
        "shop.0",
        "shop.01",
        "shop.+1",
        "shop.1.2",
        "shop.bak",
        "shop.damaged-",
        "shop.damaged-x",
        "shop.gone-1",
        "shop.1.gone-1",
        "shop.damaged-1.gone-1",
        "shop.18446744073709551616",
        "lost+found",
        "a/b",
    ];
    for name in foreign {
        assert_eq!(parse(name), None, "{name}");
    }
}
