namespace Pilotfish.Proxy.Http2;

/// <summary>Bounds that no setting changes.</summary>
internal static class Http2Limits
{
    /// <summary>What may wait in one stream for the peer's window before its producer is asked to stop: a few round trips of a fast path.</summary>
    public const int StreamPendingBytesHigh = 256 * 1024;

    /// <summary>What a stream that was paused passes on at a time: as much as a busy socket takes.</summary>
    public const int DeliveryBytesMax = 64 * 1024;

    /// <summary>CONTINUATION frames of one block, as Envoy: towards a client and towards an upstream.</summary>
    public const int ServerContinuationsMax = 512;

    public const int ClientContinuationsMax = 1024;

    /// <summary>Encoded bytes of a block beyond the decoded limit. A block that is over it cannot be a message we would take.</summary>
    public const int BlockSlackBytes = 64 * 1024;

    /// <summary>Streams that we reset and whose frames may still be on their way.</summary>
    public const int ResetMemory = 128;

    /// <summary>Stream objects kept by a connection for its next requests.</summary>
    public const int FreeStreamsMax = 128;

    /// <summary>Premature resets (HCM): checked once so many streams were closed, and how young a stream must be to count.</summary>
    public const int PrematureResetStreams = 500;

    public const long PrematureResetMilliseconds = 1000;

    /// <summary>Stream ids end at 2^31-1; a connection is replaced some time before.</summary>
    public const int StreamIdsMax = int.MaxValue - 1024;
}
