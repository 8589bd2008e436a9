using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Http2;
using Pilotfish.Proxy.Network;

namespace Pilotfish.Proxy.Http;

/// <summary>The connection manager at the end of a filter chain: starts the codec of each connection.</summary>
internal sealed class HcmFilter(HcmModel model) : TerminalNetworkFilter
{
    public HcmModel Model { get; } = model;

    public override void Start(DownstreamConnection connection)
    {
        if (connection.Listener.Overload.HcmCodecCreation.Sheds(connection.Worker))
        {
            connection.Worker.Stats.Add(connection.Listener.State.Stats.CxOverloadReject);
            connection.Stream.Close();
            connection.Finished(NetworkEndReasons.Overloaded);
            return;
        }

        connection.Info.OmitsProxyProtocol = !Model.TellsProxyProtocol;
        bool isHttp2 = Model.Codec == CodecKind.Http2
            || (Model.Codec == CodecKind.Auto && connection.Info.Tls?.ApplicationProtocol is "h2" or "istio-h2");
        if (isHttp2)
        {
            new Http2DownstreamConnection(Model, connection, new InputBuffer(connection.Worker.Loop.Buffers)).Begin();
        }
        else
        {
            new Http1DownstreamConnection(Model, connection).Start();
        }
    }
}
