using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.ProxyProtocol;
using Pilotfish.Proxy.Streams;
using Pilotfish.Proxy.Tunnels;

namespace Pilotfish.Proxy.Filters.Router;

/// <content>What a client sends before the other protocol that it asks for is granted, and what is held of a request until it may leave.</content>
public sealed partial class RouterFilter
{
    /// <summary>What becomes of bytes that have no framing unless the upstream switches protocols.</summary>
    private enum EarlyData : byte
    {
        None,

        /// <summary>They are held, within the request's buffer limit, until the upstream has answered.</summary>
        Waits,

        /// <summary>The upstream answered otherwise: nobody may read them.</summary>
        Refused,
    }

    // Without a switch an HTTP/1.1 server would take them for its next request; Envoy holds them too
    // (check_switch_protocol_websocket_handshake). A body of a stated length is framed by it.
    private bool WaitsForSwitch(HeaderMap headers) =>
        (_isUpgrade && !headers.Has(WellKnownHeader.ContentLength)) || headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);

    /// <summary>Whether bytes go on towards the host though its answer has ended: a tunnel's directions end one by one.</summary>
    internal bool KeepsSending => _isTunnel && !_requestEnded;

    private bool IsRaw(ClusterState cluster, HeaderMap headers) => cluster.Config.UpstreamPool switch
    {
        UpstreamPoolKind.Http => false,
        UpstreamPoolKind.Tcp => true,
        _ => _connect is { } connect && connect.Applies(headers),
    };

    // TCP begins here, and with it two directions that end one by one.
    private void BecomeTunnel()
    {
        _isTunnel = true;
        _timers?.CancelGlobal();
        Stream.OutlivesResponse = true;
    }

    private void SendProxyHeader(IUpstreamStream stream)
    {
        if (_connect is { ProxyHeader: { } template })
        {
            ConnectionInfo connection = Stream.Info.Connection;
            var facts = new ProxyProtocolFacts(connection.RemoteAddress, connection.LocalAddress, connection.PassThroughTlvs);
            stream.SendData(template.Write(facts, [], Stream.Info, Stream.Worker.Worker, out _), end: false);
        }
    }

    private void EndWait(UpstreamAttempt attempt, int status)
    {
        if (attempt.Stream is { } stream && (_isUpgrade ? status == 101 : status is >= 200 and < 300))
        {
            // What limits a request limits the time until it is a tunnel, not the tunnel (route's timeout). A tunnel has no trailers.
            _timers?.CancelGlobal();
            _earlyData = EarlyData.None;
            _trailers = null;
            SendHeldBody(attempt, stream, _body.Length > 0 || _requestEnded);
            return;
        }

        _earlyData = EarlyData.Refused;
        ResumeSource();
    }

    private void SendHeldBody(UpstreamAttempt attempt, IUpstreamStream stream, bool hasData)
    {
        attempt.Log?.Sent(_body.Length, _requestEnded);
        attempt.BodySent += _body.Length;
        if (hasData)
        {
            stream.SendData(_body.Bytes, _requestEnded && _trailers is null);
        }

        if (_trailers is { } trailers)
        {
            stream.SendTrailers(trailers);
        }

        if (_requestEnded)
        {
            Stream.Info.Times.UpstreamSendEnd = Stream.Info.Times.UpstreamSendBegin;
        }

        _body.Sent();
        ResumeSource();
        CheckSource();
    }
}
