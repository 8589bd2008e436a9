using Pilotfish.Proxy.Clusters;
using Pilotfish.Runtime.Sockets;
using Pilotfish.Runtime.Tls;

namespace Pilotfish.Proxy.Tls;

/// <summary>TLS towards a host.</summary>
internal sealed class TlsUpstreamTransport(TlsContextModel model, string serverName, bool autoHostServerName) : UpstreamTransport
{
    public override bool IsRaw => false;

    public override string Name => "tls";

    public override async ValueTask<UpstreamHandshake> WrapAsync(SocketStream socket, Host host, UpstreamTransportOverrides? overrides)
    {
        if (!model.IsReady)
        {
            return new UpstreamHandshake(null, UpstreamConnectFailure.SecretsNotReady, "TLS secrets are not ready yet");
        }

        string name = overrides?.ServerName ?? (serverName.Length == 0 && autoHostServerName ? host.Hostname : serverName);
        TlsHandshake<TlsClientStream> handshake = await TlsClientStream.ConnectAsync(socket, new TlsClientOptions
        {
            ServerName = name,
            ApplicationProtocols = overrides?.ApplicationProtocols is { } protocols ? protocols.Split(',') : model.ApplicationProtocols,
            Certificate = model.Certificate?.Current,
            ServerVerification = model.Trust?.Current,
            Protocols = model.Protocols,
            CipherSuites = model.CipherSuites,
        });
        return handshake.Stream is { } stream
            ? new UpstreamHandshake(stream, UpstreamConnectFailure.None, null)
            : new UpstreamHandshake(null, UpstreamConnectFailure.Remote, "TLS error: " + handshake.Failure);
    }
}
