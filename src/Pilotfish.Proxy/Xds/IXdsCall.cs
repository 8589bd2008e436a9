using Google.Protobuf;

namespace Pilotfish.Proxy.Xds;

/// <summary>One stream to a control plane, before, while and after it is open. Main loop.</summary>
internal interface IXdsCall
{
    /// <summary>Begins, once. Any event may come before this returns.</summary>
    void Start();

    /// <summary>Takes the message whole or not at all; then <see cref="IXdsCallEvents.OnWritable"/> tells of room.</summary>
    bool TrySend(IMessage message);

    /// <summary>Ends it without a further event. Does nothing after the end.</summary>
    void Cancel();
}
