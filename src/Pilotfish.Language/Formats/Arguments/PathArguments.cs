namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of PATH: (X:Y), X = WQ (with query) or NQ; Y = ORIG, PATH or ORIG_OR_PATH.</summary>
/// <param name="Header">Where the path is read from.</param>
/// <param name="KeepsQuery">Whether the query belongs to it.</param>
public readonly record struct PathArguments(HeaderArguments Header, bool KeepsQuery)
{
    private const string Original = "x-envoy-original-path";
    private const string Current = ":path";

    public static PathArguments Parse(FormatOperator source)
    {
        string[] parts = (source.Arguments ?? "").Split(':');
        string query = parts[0].Length == 0 ? "WQ" : parts[0];
        string which = parts.Length < 2 || parts[1].Length == 0 ? "ORIG_OR_PATH" : parts[1];
        if (parts.Length > 2 || query is not ("WQ" or "NQ") || which is not ("ORIG" or "PATH" or "ORIG_OR_PATH"))
        {
            throw source.Reject($"has the argument '({source.Arguments})'; it takes WQ or NQ, then ORIG, PATH or ORIG_OR_PATH");
        }

        HeaderArguments header = which switch
        {
            "ORIG" => new HeaderArguments(Original, null),
            "PATH" => new HeaderArguments(Current, null),
            _ => new HeaderArguments(Original, Current),
        };
        return new PathArguments(header, query == "WQ");
    }
}
