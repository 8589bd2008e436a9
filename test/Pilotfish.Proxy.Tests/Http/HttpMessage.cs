using System.Globalization;
using System.Text;
using Pilotfish.Proxy.Tests.Fuzz;

namespace Pilotfish.Proxy.Tests.Http;

/// <summary>An HTTP/1.1 message as a test means it, written to the wire and read back the slow way.</summary>
internal sealed record HttpMessage(
    string FirstLine, IReadOnlyList<(string Name, string Value)> Fields, string Body, bool IsChunked, IReadOnlyList<(string Name, string Value)> Trailers)
{
    // What a proxy adds or renews for the next hop; the rest is the sender's and stays.
    private static readonly string[] s_ofTheHop =
        ["host", "content-length", "transfer-encoding", "te", "trailer", "date", "server", "x-request-id", "x-forwarded-for", "x-forwarded-proto"];

    /// <summary>The fields that must arrive, in order. Cookie crumbs may travel joined (RFC 9113 section 8.2.3).</summary>
    public IEnumerable<(string, string)> EndToEnd =>
        Fields.Where(static one => one.Name != "cookie" && !IsOfTheHop(one.Name))
            .Append(("cookie", string.Join("; ", Fields.Where(static one => one.Name == "cookie").Select(static one => one.Value))));

    public string ToWire(bool bodyLess)
    {
        var text = new StringBuilder(FirstLine).Append("\r\n");
        foreach ((string name, string value) in Fields)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        if (bodyLess)
        {
            return text.Append("\r\n").ToString();
        }

        if (!IsChunked)
        {
            return text.Append(CultureInfo.InvariantCulture, $"content-length: {Body.Length}\r\n\r\n{Body}").ToString();
        }

        text.Append("transfer-encoding: chunked\r\n\r\n");
        for (int at = 0; at < Body.Length; at += 1000)
        {
            string part = Body[at..Math.Min(Body.Length, at + 1000)];
            text.Append(CultureInfo.InvariantCulture, $"{part.Length:x}\r\n{part}\r\n");
        }

        text.Append("0\r\n");
        foreach ((string name, string value) in Trailers)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        return text.Append("\r\n").ToString();
    }

    public static async Task<HttpMessage> ReadAsync(TestClient from, bool bodyLess)
    {
        string head = await from.ReadHeadAsync();
        List<(string Name, string Value)> fields = SlowHttp.Fields(head)!;
        var message = new HttpMessage(head[..head.IndexOf("\r\n", StringComparison.Ordinal)], fields, "", false, []);
        if (bodyLess)
        {
            return message;
        }

        if (!fields.Contains(("transfer-encoding", "chunked")))
        {
            string length = fields.Find(static field => field.Name == "content-length").Value ?? "0";
            return message with { Body = await from.ReadBytesAsync(int.Parse(length, CultureInfo.InvariantCulture)) };
        }

        var body = new StringBuilder();
        while (int.Parse((await from.ReadUntilAsync("\r\n")).TrimEnd(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var size)
        {
            body.Append(await from.ReadBytesAsync(size));
            await from.ReadBytesAsync(2);
        }

        var trailers = new StringBuilder("\r\n");
        for (string line = ""; line != "\r\n"; trailers.Append(line))
        {
            line = await from.ReadUntilAsync("\r\n");
        }

        return message with { IsChunked = true, Body = body.ToString(), Trailers = SlowHttp.Fields(trailers.ToString())! };
    }

    private static bool IsOfTheHop(string name) => s_ofTheHop.Contains(name) || name.StartsWith("x-envoy-", StringComparison.Ordinal);
}
