namespace Pilotfish.Language.Formats;

/// <summary>A literal (specifier 0) or one specifier; digits only for fractions of a second.</summary>
internal readonly record struct TimeFormatPart(char Specifier, byte[] Literal, int Digits);
