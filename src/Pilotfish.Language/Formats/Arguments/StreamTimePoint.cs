namespace Pilotfish.Language.Formats.Arguments;

/// <summary>Points of a stream's life between which COMMON_DURATION measures, in the order of the names below.</summary>
public enum StreamTimePoint : byte
{
    /// <summary>DS_RX_BEG.</summary>
    DownstreamReceiveBegin,

    /// <summary>DS_RX_END.</summary>
    DownstreamReceiveEnd,

    /// <summary>US_CX_BEG.</summary>
    UpstreamConnectBegin,

    /// <summary>US_CX_END.</summary>
    UpstreamConnectEnd,

    /// <summary>US_HS_END.</summary>
    UpstreamHandshakeEnd,

    /// <summary>US_TX_BEG.</summary>
    UpstreamSendBegin,

    /// <summary>US_TX_END.</summary>
    UpstreamSendEnd,

    /// <summary>US_RX_BEG.</summary>
    UpstreamReceiveBegin,

    /// <summary>US_RX_BODY_BEG.</summary>
    UpstreamReceiveBodyBegin,

    /// <summary>US_RX_END.</summary>
    UpstreamReceiveEnd,

    /// <summary>DS_TX_BEG.</summary>
    DownstreamSendBegin,

    /// <summary>DS_TX_END.</summary>
    DownstreamSendEnd,
}
