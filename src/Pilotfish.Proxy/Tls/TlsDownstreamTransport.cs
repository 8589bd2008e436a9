using Pilotfish.Proxy.Network;
using Pilotfish.Proxy.Stats;
using Pilotfish.Runtime.Streams;
using Pilotfish.Runtime.Timers;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>TLS towards clients.</summary>
internal sealed class TlsDownstreamTransport(TlsContextModel model, bool requiresClientCertificate) : DownstreamTransport
{
    private const string NotReady = "TLS secrets are not ready yet";
    private const string TimedOut = "the TLS handshake took longer than transport_socket_connect_timeout";

    public override string Name => "tls";

    public override async ValueTask<string?> AcceptAsync(DownstreamConnection connection)
    {
        if (!model.IsReady || model.Certificate?.Current is not { } certificate)
        {
            return NotReady;
        }

        var choice = new TlsServerChoice
        {
            Certificate = certificate,
            ApplicationProtocols = model.ApplicationProtocols,
            ClientVerification = model.Trust?.Current,
            RequireClientCertificate = requiresClientCertificate,
            Protocols = model.Protocols,
            CipherSuites = model.CipherSuites,
        };
        IByteStream raw = connection.Stream;
        bool timedOut = false;
        var timer = new LoopTimer(connection.Worker.Loop, _ =>
        {
            timedOut = true;
            raw.Close();
        }, null);
        timer.Schedule(connection.Chain.HandshakeMilliseconds);
        TlsHandshake<TlsServerStream> handshake = await TlsServerStream.AcceptAsync(raw, _ => choice);
        timer.Cancel();
        Listeners.ListenerStats stats = connection.Listener.State.Stats;
        StatCells cells = connection.Worker.Stats;
        if (handshake.Stream is not { } stream)
        {
            cells.Add(timedOut ? stats.CxHandshakeTimeout : stats.TlsConnectionError);
            return timedOut ? TimedOut : "TLS error: " + handshake.Failure;
        }

        cells.Add(stats.TlsHandshake);
        connection.Stream = stream;
        connection.Info.Tls = stream.Tls;
        connection.Info.HandshakeNanoseconds = connection.Worker.Loop.NowNanoseconds;
        connection.Info.RequestedServerName ??= stream.Tls?.ServerName;
        return null;
    }
}
