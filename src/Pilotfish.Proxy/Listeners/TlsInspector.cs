using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Buffers;
using ProtoTlsInspector = Envoy.Extensions.Filters.Listener.TlsInspector.V3.TlsInspector;

namespace Pilotfish.Proxy.Listeners;

/// <summary>Peeks at the ClientHello: transport protocol, SNI, ALPN. Consumes nothing.</summary>
internal sealed class TlsInspector(TlsInspectorStats stats, int bytesMax) : ListenerFilter
{
    /// <summary>Envoy's limit; larger hellos are treated as plaintext.</summary>
    public const int DefaultBytesMax = 16 * 1024;

    public override async ValueTask<ListenerFilterVerdict> InspectAsync(PendingConnection connection)
    {
        StatCells cells = connection.Worker.Stats;
        int known = 0;
        while (true)
        {
            ListenerFilterVerdict verdict = await connection.PeekMoreAsync(known, bytesMax);
            if (verdict != ListenerFilterVerdict.Continue)
            {
                return verdict;
            }

            known = connection.Peeked.Length;
            switch (Parse(connection, out ClientHelloFacts hello))
            {
                case ClientHelloStatus.Done:
                    Note(connection, hello, cells);
                    return ListenerFilterVerdict.Continue;
                case ClientHelloStatus.NotTls:
                    cells.Add(stats.TlsNotFound);
                    return ListenerFilterVerdict.Continue;
                case ClientHelloStatus.NeedMore when known >= bytesMax:
                    cells.Add(stats.ClientHelloTooLarge);
                    return ListenerFilterVerdict.Close;
                default:
                    continue;
            }
        }
    }

    private static ClientHelloStatus Parse(PendingConnection connection, out ClientHelloFacts hello)
    {
        using PooledBuffer scratch = connection.Worker.Loop.Buffers.Rent(connection.Peeked.Length);
        return ClientHelloParser.Parse(connection.Peeked, scratch.Span, out hello);
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

    public static int Limit(ProtoTlsInspector config) => (int)Math.Clamp(config.MaxClientHelloSize ?? DefaultBytesMax, 256u, DefaultBytesMax);
}
