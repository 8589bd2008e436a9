using System.Globalization;
using System.Text.RegularExpressions;

namespace Pilotfish.Proxy.Tests.Fuzz;

/// <summary>What a request means, whichever version carries it: everything that a proxy may not change.</summary>
/// <param name="Fields">"name: value" of end-to-end fields, in order, cookies joined behind them.</param>
internal sealed partial record SlowRequest(string Method, string Path, string Authority, string Fields, string Body)
{
    // What a proxy adds, renews or answers itself for each hop.
    private static readonly HashSet<string> s_ofTheHop = new(StringComparer.Ordinal)
    {
        "host", "content-length", "transfer-encoding", "te", "trailer", "connection", "keep-alive", "proxy-connection", "upgrade",
        "http2-settings", "expect", "x-request-id", "x-forwarded-for", "x-forwarded-proto",
    };

    /// <summary>Of an HTTP/2 stream; null where a part of every request is missing or given twice.</summary>
    public static SlowRequest? Of(SlowStream stream)
    {
        List<(string Name, string Value)> fields = stream.Fields ?? [];
        string? method = Single(fields, ":method");
        string? path = Single(fields, ":path");
        string? authority = Single(fields, ":authority") ?? Single(fields, "host");
        return method is null || path is null
            ? null
            : new SlowRequest(method, path, authority ?? "", EndToEnd(fields, []), stream.Body.ToString());
    }

    /// <summary>The requests of an HTTP/1.1 connection, up to the first that the grammar or its framing does not allow or that is not whole.</summary>
    public static List<(SlowRequest Request, int End)> ReadAll(string text)
    {
        var requests = new List<(SlowRequest, int)>();
        for (int at = 0; TryRead(text, ref at) is { } request;)
        {
            requests.Add((request, at));
        }

        return requests;
    }

    private static SlowRequest? TryRead(string text, ref int at)
    {
        // Empty lines before a request line are passed over (RFC 9112 section 2.2).
        while (string.CompareOrdinal(text, at, "\r\n", 0, 2) == 0)
        {
            at += 2;
        }

        string rest = text[at..];
        int length = SlowHttp.HeadLength(rest);
        if (length <= 0)
        {
            return null;
        }

        string head = rest[..length];
        Match line = SlowHttp.RequestLineOf(head);
        if (!line.Success || SlowHttp.Fields(head) is not { } fields || BodyOf(rest[length..], fields) is not { } body)
        {
            return null;
        }

        at += length + body.Length;
        string[] nominated = [.. fields.Where(static f => f.Name == "connection").SelectMany(static f => f.Value.Split(',')).Select(static n => n.Trim(' ', '\t').ToLowerInvariant())];
        string target = line.Groups[2].Value;
        Match absolute = AbsoluteForm().Match(target);
        return new SlowRequest(
            line.Groups[1].Value,
            absolute.Success ? absolute.Groups[2].Value is ['/', ..] path ? path : "/" + absolute.Groups[2].Value : target,
            absolute.Success ? absolute.Groups[1].Value : fields.Find(static f => f.Name == "host").Value ?? "",
            EndToEnd(fields, nominated),
            body.Data);
    }

    private static (string Data, int Length)? BodyOf(string rest, List<(string Name, string Value)> fields)
    {
        string[] lengths = [.. fields.Where(static f => f.Name == "content-length").Select(static f => f.Value)];
        string[] codings = [.. fields.Where(static f => f.Name == "transfer-encoding").Select(static f => f.Value.ToLowerInvariant())];
        switch (lengths, codings)
        {
            case ([], []):
                return ("", 0);
            case ([], ["chunked"]):
                (string? data, int length) = SlowHttp.Chunked(rest);
                return data is null || length == 0 ? null : (data, length);
            case ([var text], []) when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes) && bytes <= rest.Length:
                return (rest[..bytes], bytes);
            default:
                return null;
        }
    }

    private static string EndToEnd(List<(string Name, string Value)> fields, string[] nominated) => string.Join('\n', fields
        .Where(f => f.Name is not [':', ..] and not "cookie" && !s_ofTheHop.Contains(f.Name) && !nominated.Contains(f.Name)
            && !f.Name.StartsWith("x-envoy-", StringComparison.Ordinal))
        .Select(static f => $"{f.Name}: {f.Value}")
        .Append("cookie: " + string.Join("; ", Cookies(fields.Where(f => f.Name == "cookie" && !nominated.Contains("cookie"))))));

    // Joining fields of which one is empty leaves a separator too many, which means nothing (RFC 9113 section 8.2.3).
    private static IEnumerable<string> Cookies(IEnumerable<(string Name, string Value)> fields) =>
        fields.SelectMany(static f => f.Value.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    private static string? Single(List<(string Name, string Value)> fields, string name)
    {
        (string Name, string Value)[] all = [.. fields.Where(f => f.Name == name)];
        return all.Length == 1 ? all[0].Value : null;
    }

    [GeneratedRegex("^(?i:https?)://([^/?#]*)(.*)$", RegexOptions.Singleline)]
    private static partial Regex AbsoluteForm();
}
