namespace Pilotfish.Language.Formats;

/// <summary>The argument of header operators: (X?Y) is header X, or header Y when X is absent. Names are lower case here.</summary>
public readonly record struct HeaderArguments(string Main, string? Alternative)
{
    public static HeaderArguments Parse(FormatOperator source)
    {
        string text = source.RequireArguments("a header name");
        int question = text.IndexOf('?');
        string main = question < 0 ? text : text[..question];
        string? alternative = question < 0 ? null : text[(question + 1)..];
        if (alternative?.Contains('?') == true)
        {
            throw source.Reject($"takes at most two headers as '(X?Y)', but has '({text})'");
        }

        return new HeaderArguments(Name(source, main), alternative is null ? null : Name(source, alternative));
    }

    private static string Name(FormatOperator source, string name)
    {
        foreach (char c in name)
        {
            if (c <= ' ' || c >= 0x7F)
            {
                throw source.Reject($"has the header name '{name}', which holds a character that no header name can have");
            }
        }

        return name.ToLowerInvariant();
    }
}
