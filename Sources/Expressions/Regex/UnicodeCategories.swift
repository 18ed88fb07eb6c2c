/// The general categories of Unicode by their short names (Unicode Standard Annex 44, table 12).
enum UnicodeCategories {
    private static let names: [String: Unicode.GeneralCategory] = [
        "Lu": .uppercaseLetter, "Ll": .lowercaseLetter, "Lt": .titlecaseLetter, "Lm": .modifierLetter,
        "Lo": .otherLetter, "Mn": .nonspacingMark, "Mc": .spacingMark, "Me": .enclosingMark, "Nd": .decimalNumber,
        "Nl": .letterNumber, "No": .otherNumber, "Pc": .connectorPunctuation, "Pd": .dashPunctuation,
        "Ps": .openPunctuation, "Pe": .closePunctuation, "Pi": .initialPunctuation, "Pf": .finalPunctuation,
        "Po": .otherPunctuation, "Sm": .mathSymbol, "Sc": .currencySymbol, "Sk": .modifierSymbol, "So": .otherSymbol,
        "Zs": .spaceSeparator, "Zl": .lineSeparator, "Zp": .paragraphSeparator, "Cc": .control, "Cf": .format,
        "Cs": .surrogate, "Co": .privateUse, "Cn": .unassigned,
    ]

    /// The categories of a name: one such as `Lu`, or all of a letter such as `L`.
    static func named(_ name: String) -> Set<Unicode.GeneralCategory>? {
        if let category = names[name] { return [category] }
        guard name.utf8.count == 1 else { return nil }
        let categories = names.filter { $0.key.hasPrefix(name) }.values
        return categories.isEmpty ? nil : Set(categories)
    }
}
