using Pilotfish.Proxy.Stats;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Peeks at plaintext connections for an HTTP request line, so that filter chains can match the protocol.</summary>
internal sealed class HttpInspector(HttpInspectorStats stats) : ListenerFilter
{
    // A request line longer than this is not recognised; the connection goes on as TCP. The value is Envoy's.
    private const int BytesMax = 64 * 1024;

    private static readonly string[] s_http10 = ["http/1.0"];
    private static readonly string[] s_http11 = ["http/1.1"];
    private static readonly string[] s_http2 = ["h2c"];

    public override async ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        if (connection.Info.TransportProtocol is not (null or "raw_buffer"))
        {
            return ListenerFilterVerdict.Continue;
        }

        // What an earlier inspector peeked at is still in the socket: look at it first.
        int known = 0;
        while (true)
        {
            ListenerFilterVerdict verdict = await connection.PeekMoreAsync(known, BytesMax);
            if (verdict != ListenerFilterVerdict.Continue)
            {
                return verdict;
            }

            known = connection.Peeked.Length;
            HttpPreface preface = HttpPrefaceParser.Parse(connection.Peeked);
            if (preface == HttpPreface.NeedMore && known < BytesMax)
            {
                continue;
            }

            Note(connection, preface);
            return ListenerFilterVerdict.Continue;
        }
    }

    private void Note(PendingConnection connection, HttpPreface preface)
    {
        StatCells cells = connection.Worker.Stats;
        switch (preface)
        {
            case HttpPreface.Http10:
                connection.Info.ApplicationProtocols = s_http10;
                cells.Add(stats.Http10Found);
                break;
            case HttpPreface.Http11:
                connection.Info.ApplicationProtocols = s_http11;
                cells.Add(stats.Http11Found);
                break;
            case HttpPreface.Http2:
                connection.Info.ApplicationProtocols = s_http2;
                cells.Add(stats.Http2Found);
                break;
            default:
                cells.Add(stats.HttpNotFound);
                break;
        }
    }
}
