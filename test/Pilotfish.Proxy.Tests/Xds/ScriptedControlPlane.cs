using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>A control plane in memory that a test drives: it sees requests and sends responses, ends and refuses streams.</summary>
internal sealed class ScriptedControlPlane : IXdsDialler
{
    private Call? _call;

    public List<DeltaDiscoveryRequest> Requests { get; } = [];

    public int Streams { get; private set; }

    public bool Refuses { get; set; }

    /// <summary>Whether requests find no room.</summary>
    public bool IsBlocked { get; set; }

    public string Name => "scripted";

    public IXdsCall Dial(GrpcMethod method, IXdsCallEvents events) => new Call(this, events);

    public string? Advice(string transportFailure) => null;

    public void Send(DeltaDiscoveryResponse response) => _call!.Events.OnResponsePart(response.ToByteArray(), end: true);

    public void SendPart(ReadOnlySpan<byte> part, bool end) => _call!.Events.OnResponsePart(part, end);

    public void EndStream() => End(new GrpcEnd(GrpcStatusCode.Ok, "", AsyncFailureKind.None));

    public void Unblock()
    {
        IsBlocked = false;
        _call!.Events.OnWritable();
    }

    private void End(in GrpcEnd end)
    {
        Call call = _call!;
        _call = null;
        call.Events.OnEnd(in end);
    }

    private sealed class Call(ScriptedControlPlane owner, IXdsCallEvents events) : IXdsCall
    {
        public IXdsCallEvents Events => events;

        public void Start()
        {
            owner._call = this;
            if (owner.Refuses)
            {
                owner.End(new GrpcEnd(GrpcStatusCode.Unavailable, "refused by the script", AsyncFailureKind.None));
                return;
            }

            owner.Streams++;
            events.OnOpened();
        }

        public bool TrySend(IMessage message)
        {
            if (owner.IsBlocked)
            {
                return false;
            }

            owner.Requests.Add((DeltaDiscoveryRequest)message);
            return true;
        }

        public void Cancel() => owner._call = null;
    }
}
