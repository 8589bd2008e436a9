using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing;

namespace Pilotfish.Proxy.Http2;

/// <summary>http2_protocol_options of one side, with Envoy's defaults and ranges. Immutable.</summary>
public sealed record Http2Options
{
    public static readonly Http2Options Default = new();

    private const uint WindowMin = 65535;
    private const uint WindowMax = int.MaxValue;

    // A stream's metadata is held in memory whole: what is configured beyond this counts as this.
    private const ulong MetadataBytesCap = 64 * 1024 * 1024;

    /// <summary>hpack_table_size: what we remember of the peer's headers.</summary>
    public int HpackTableBytes { get; init; } = 4096;

    /// <summary>max_concurrent_streams: what a client may open, or what we open at most towards an upstream.</summary>
    public int ConcurrentStreamsMax { get; init; } = 1024;

    /// <summary>initial_stream_window_size: what waits for one slow stream at most.</summary>
    public int StreamWindowBytes { get; init; } = 16 * 1024 * 1024;

    public int ConnectionWindowBytes { get; init; } = 24 * 1024 * 1024;

    /// <summary>allow_connect: extended CONNECT (RFC 8441).</summary>
    public bool AllowConnect { get; init; }

    public int OutboundFramesMax { get; init; } = 10_000;

    public int OutboundControlFramesMax { get; init; } = 1000;

    /// <summary>Frames without payload and without END_STREAM in a row.</summary>
    public int EmptyFramesMax { get; init; } = 1;

    /// <summary>max_inbound_priority_frames_per_stream.</summary>
    public long PriorityFramesPerStreamMax { get; init; } = 100;

    /// <summary>max_inbound_window_update_frames_per_data_frame_sent.</summary>
    public long WindowUpdatesPerDataFrameMax { get; init; } = 10;

    /// <summary>override_stream_error_on_invalid_http_message: an invalid message ends its stream only.</summary>
    public bool StreamErrorOnInvalidMessage { get; init; }

    /// <summary>allow_metadata: METADATA frames (0x4d) are passed on, in both directions.</summary>
    public bool AllowMetadata { get; init; }

    /// <summary>max_metadata_size: what one stream may send in METADATA frames, in bytes.</summary>
    public long MetadataBytesMax { get; init; } = 1024 * 1024;

    /// <summary>enable_huffman_encoding, off unless asked for: see HpackEncoder.</summary>
    public bool Huffman { get; init; }

    /// <summary>connection_keepalive.interval; 0 = no pings.</summary>
    public long KeepaliveMilliseconds { get; init; }

    public long KeepaliveTimeoutMilliseconds { get; init; }

    /// <summary>connection_idle_interval: ping before the first request after so much silence; 0 = never.</summary>
    public long IdlePingMilliseconds { get; init; }

    /// <summary>interval_jitter in percent.</summary>
    public int KeepaliveJitterPercent { get; init; } = 15;

    /// <summary>custom_settings_parameters that no named field stands for; sent as they are.</summary>
    internal Http2Setting[] CustomSettings { get; init; } = [];

    /// <summary>Compiles the message; a value out of range is rejected by its field.</summary>
    public static Http2Options Compile(Http2ProtocolOptions? config, string field)
    {
        if (config is null)
        {
            return Default;
        }

        if (config.ConnectionKeepalive is { } keepalive && (Durations.Milliseconds(keepalive.Timeout) ?? 0) < 1)
        {
            throw new ConfigRejectedException(field + ".connection_keepalive.timeout", "it must be set, to 1 ms at least");
        }

        CustomSettings custom = Http2.CustomSettings.Compile(config, $"{field}.custom_settings_parameters");
        return new Http2Options
        {
            CustomSettings = custom.Others,
            HpackTableBytes = (int)Math.Min(config.HpackTableSize ?? custom.HpackTableSize ?? (uint)Default.HpackTableBytes, 1024 * 1024),
            ConcurrentStreamsMax = (int)Within(
                config.MaxConcurrentStreams ?? custom.MaxConcurrentStreams, (uint)Default.ConcurrentStreamsMax, 1, int.MaxValue, $"{field}.max_concurrent_streams"),
            StreamWindowBytes = (int)Within(config.InitialStreamWindowSize ?? custom.InitialStreamWindowSize, (uint)Default.StreamWindowBytes, WindowMin, WindowMax, $"{field}.initial_stream_window_size"),
            ConnectionWindowBytes = (int)Within(config.InitialConnectionWindowSize, (uint)Default.ConnectionWindowBytes, WindowMin, WindowMax, $"{field}.initial_connection_window_size"),
            AllowConnect = config.AllowConnect,
            AllowMetadata = config.AllowMetadata,
            MetadataBytesMax = (long)Math.Min(config.MaxMetadataSize ?? (ulong)Default.MetadataBytesMax, MetadataBytesCap),
            OutboundFramesMax = (int)Within(config.MaxOutboundFrames, (uint)Default.OutboundFramesMax, 1, int.MaxValue, $"{field}.max_outbound_frames"),
            OutboundControlFramesMax = (int)Within(config.MaxOutboundControlFrames, (uint)Default.OutboundControlFramesMax, 1, int.MaxValue, $"{field}.max_outbound_control_frames"),
            EmptyFramesMax = (int)Math.Min(config.MaxConsecutiveInboundFramesWithEmptyPayload ?? (uint)Default.EmptyFramesMax, int.MaxValue),
            PriorityFramesPerStreamMax = config.MaxInboundPriorityFramesPerStream ?? (uint)Default.PriorityFramesPerStreamMax,
            WindowUpdatesPerDataFrameMax = Within(config.MaxInboundWindowUpdateFramesPerDataFrameSent, (uint)Default.WindowUpdatesPerDataFrameMax,
                1, uint.MaxValue, $"{field}.max_inbound_window_update_frames_per_data_frame_sent"),
            StreamErrorOnInvalidMessage = config.OverrideStreamErrorOnInvalidHttpMessage ?? config.StreamErrorOnInvalidHttpMessaging,
            Huffman = config.EnableHuffmanEncoding ?? false,
            KeepaliveMilliseconds = Durations.Milliseconds(config.ConnectionKeepalive?.Interval) ?? 0,
            KeepaliveTimeoutMilliseconds = Durations.Milliseconds(config.ConnectionKeepalive?.Timeout) ?? 0,
            IdlePingMilliseconds = Durations.Milliseconds(config.ConnectionKeepalive?.ConnectionIdleInterval) ?? 0,
            KeepaliveJitterPercent = (int)(config.ConnectionKeepalive?.IntervalJitter?.Value ?? 15),
        };
    }

    private static uint Within(uint? value, uint otherwise, uint least, uint most, string field)
    {
        uint given = value ?? otherwise;
        return given >= least && given <= most
            ? given
            : throw new ConfigRejectedException(field, $"{given} is not between {least} and {most}");
    }
}
