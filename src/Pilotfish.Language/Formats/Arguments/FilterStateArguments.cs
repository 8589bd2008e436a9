namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of FILTER_STATE: (KEY), (KEY:PLAIN), (KEY:TYPED) or (KEY:FIELD:NAME). A key holds no ':'.</summary>
/// <param name="Field">Of form FIELD.</param>
public sealed record FilterStateArguments(string Key, FilterStateForm Form, string? Field)
{
    public static FilterStateArguments Parse(FormatOperator source)
    {
        string[] parts = source.RequireArguments("an object's name").Split(':');
        FilterStateForm? form = parts.Length == 1 ? FilterStateForm.Typed : parts[1] switch
        {
            "PLAIN" => FilterStateForm.Plain,
            "TYPED" => FilterStateForm.Typed,
            "FIELD" => FilterStateForm.Field,
            _ => null,
        };
        return form is not { } known || (known == FilterStateForm.Field) != (parts.Length == 3) || parts.Length > 3
            ? throw source.Reject($"has the argument '({source.Arguments})'; it takes NAME, then PLAIN, TYPED or FIELD:NAME")
            : new FilterStateArguments(parts[0], known, parts.Length == 3 ? parts[2] : null);
    }
}
