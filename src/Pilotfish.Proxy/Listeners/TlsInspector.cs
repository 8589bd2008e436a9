using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Peeks at the ClientHello: transport protocol, SNI, ALPN, fingerprints where asked for. Consumes nothing.</summary>
internal sealed class TlsInspector(TlsInspectorStats stats, TlsInspectorOptions options) : ListenerFilter
{
    public override async ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        StatCells cells = connection.Worker.Stats;
        int known = 0;
        while (true)
        {
            ListenerFilterVerdict verdict = await connection.PeekMoreAsync(known, options.HelloBytesMax, options.FirstReadBytes);
            if (verdict != ListenerFilterVerdict.Continue)
            {
                return verdict;
            }

            known = connection.Peeked.Length;
            switch (Inspect(connection, cells))
            {
                case ClientHelloStatus.Done:
                    cells.Record(stats.BytesProcessed, known);
                    return ListenerFilterVerdict.Continue;
                case ClientHelloStatus.NotTls:
                    cells.Add(stats.TlsNotFound);
                    cells.Record(stats.BytesProcessed, known);
                    return options.ClosesOnParsingErrors ? ListenerFilterVerdict.Close : ListenerFilterVerdict.Continue;
                case ClientHelloStatus.NeedMore when known >= options.HelloBytesMax:
                    cells.Add(stats.ClientHelloTooLarge);
                    cells.Record(stats.BytesProcessed, known);
                    return ListenerFilterVerdict.Close;
                default:
                    continue;
            }
        }
    }

    private ClientHelloStatus Inspect(PendingConnection connection, StatCells cells)
    {
        using PooledBuffer scratch = connection.Worker.Loop.Buffers.Rent(connection.Peeked.Length);
        ClientHelloStatus status = ClientHelloParser.Parse(
            connection.Peeked, scratch.Span, out ClientHelloFacts hello, out ReadOnlySpan<byte> body);
        if (status == ClientHelloStatus.Done)
        {
            Note(connection, hello, cells);
            connection.Info.Ja3Fingerprint = options.TakesJa3 ? ClientHelloFingerprint.Ja3(body) : null;
            connection.Info.Ja4Fingerprint = options.TakesJa4 ? ClientHelloFingerprint.Ja4(body) : null;
        }

        return status;
    }

    private void Note(PendingConnection connection, ClientHelloFacts hello, StatCells cells)
    {
        connection.Info.TransportProtocol = "tls";
        cells.Add(stats.TlsFound);
        cells.Add(hello.ServerName is null ? stats.SniNotFound : stats.SniFound);
        cells.Add(hello.ApplicationProtocols.Count == 0 ? stats.AlpnNotFound : stats.AlpnFound);
        connection.Info.RequestedServerName = hello.ServerName;
        if (hello.ApplicationProtocols.Count > 0)
        {
            connection.Info.ApplicationProtocols = hello.ApplicationProtocols;
        }
    }
}
