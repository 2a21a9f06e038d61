/** Why a line becomes no passing. The message is the reason that people read; it never repeats what the line holds. */
export class LineError extends Error {}

/** The cells themselves cannot be told apart, or are too many or too few. */
export class MalformedError extends LineError {}

/** A quoted cell is still open at the end of the text: in an import the record may go on in the next line. */
export class UnclosedQuoteError extends MalformedError {}
