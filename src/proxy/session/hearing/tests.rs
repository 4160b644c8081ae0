use proptest::prelude::*;

use super::*;
use crate::sensitive::{find, redact};

fn cut(text: &str, cuts: &[usize]) -> Vec<String> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| text.get(pair[0]..pair[1]).unwrap().to_owned()).collect()
}

proptest! {
    #[test]
    fn pieces_of_a_redacted_text_are_the_redacted_text_however_it_was_cut(
        before in "[a-z ]{0,12}",
        between in " [a-z]{0,8} ",
        after in "[a-z ]{0,12}",
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let scanner = Scanner::new().unwrap();
        let mut detectors = DetectorSet::EMPTY;
        detectors.insert(find("email").unwrap());
        detectors.insert(find("credit_card").unwrap());
        let text = format!("{before} jane.doe@example.com{between}4111 1111 1111 1111 {after}");
        let found = scanner.scan(detectors, &text, PIECE);
        prop_assert_eq!(found.len(), 2);
        let pieces = cut(&text, &cuts);
        let clean = clean_pieces(&pieces, &found, &mut |one| format!("{{{}}}", one.detector));
        prop_assert_eq!(clean.len(), pieces.len());
        prop_assert_eq!(Some(clean.concat()), redact(&text, &found, detectors));
    }
}
