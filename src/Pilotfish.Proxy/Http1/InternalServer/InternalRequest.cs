using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Http1.InternalServer;

/// <summary>One request to the process itself. Its headers and body are valid until the handler returns.</summary>
public sealed class InternalRequest
{
    private readonly string _query;

    internal InternalRequest(HeaderMap headers, ReadOnlyMemory<byte> body, NetAddress remote)
    {
        Headers = headers;
        Body = body;
        RemoteAddress = remote;
        Method = headers.GetText(WellKnownHeader.Method) ?? "";
        string target = headers.GetText(WellKnownHeader.Path) ?? "/";
        int mark = target.IndexOf('?', StringComparison.Ordinal);
        Path = mark < 0 ? target : target[..mark];
        _query = mark < 0 ? "" : target[(mark + 1)..];
    }

    public string Method { get; }

    /// <summary>The path as it was sent, without the query.</summary>
    public string Path { get; }

    /// <summary>The query as it was sent, without the question mark.</summary>
    public string QueryText => _query;

    public HeaderMap Headers { get; }

    public ReadOnlyMemory<byte> Body { get; }

    public string BodyText => Encoding.UTF8.GetString(Body.Span);

    public NetAddress RemoteAddress { get; }

    /// <summary>The first value of a query parameter, percent-decoded; "" when it stands without a value; null when it is absent.</summary>
    public string? Query(string name)
    {
        foreach ((string key, string value) in QueryPairs())
        {
            if (key == name)
            {
                return value;
            }
        }

        return null;
    }

    /// <summary>Every query parameter in order, percent-decoded.</summary>
    public IEnumerable<(string Name, string Value)> QueryPairs() => Pairs(_query);

    /// <summary>The same of a body that is a form (application/x-www-form-urlencoded); none of another.</summary>
    public IEnumerable<(string Name, string Value)> FormPairs() =>
        Headers.GetText(WellKnownHeader.ContentType) is { } type && type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)
            ? Pairs(BodyText)
            : [];

    private static IEnumerable<(string Name, string Value)> Pairs(string text)
    {
        foreach (string part in text.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            yield return equals < 0 ? (Decode(part), "") : (Decode(part[..equals]), Decode(part[(equals + 1)..]));
        }
    }

    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
