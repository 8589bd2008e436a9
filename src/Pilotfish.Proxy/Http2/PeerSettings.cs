using System.Buffers.Binary;
using Pilotfish.Proxy.Http2.Frames;

namespace Pilotfish.Proxy.Http2;

/// <summary>What the peer's SETTINGS said (RFC 9113 section 6.5), with the protocol's initial values before it says anything.</summary>
internal sealed class PeerSettings
{
    public const int EntryBytes = 6;
    public const int InitialWindowBytes = 65535;

    // One entry of each known kind and some unknown ones; a frame of thousands is a flood.
    private const int EntriesMax = 64;

    public uint HeaderTableBytes { get; private set; } = 4096;

    public uint ConcurrentStreamsMax { get; private set; } = uint.MaxValue;

    public int WindowBytes { get; private set; } = InitialWindowBytes;

    public int FrameBytes { get; private set; } = FrameHeader.PayloadBytesDefault;

    public bool AllowsConnectProtocol { get; private set; }

    /// <summary>Whether the first SETTINGS came.</summary>
    public bool Received { get; private set; }

    /// <summary>Applies a payload whose length is a multiple of 6; returns the error, or NO_ERROR.</summary>
    public Http2ErrorCode Apply(ReadOnlySpan<byte> payload, bool fromServer)
    {
        Received = true;
        if (payload.Length > EntriesMax * EntryBytes)
        {
            return Http2ErrorCode.ENHANCE_YOUR_CALM;
        }

        for (; payload.Length >= EntryBytes; payload = payload[EntryBytes..])
        {
            var id = (SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload);
            uint value = BinaryPrimitives.ReadUInt32BigEndian(payload[2..]);
            Http2ErrorCode error = Apply(id, value, fromServer);
            if (error != Http2ErrorCode.NO_ERROR)
            {
                return error;
            }
        }

        return Http2ErrorCode.NO_ERROR;
    }

    private Http2ErrorCode Apply(SettingId id, uint value, bool fromServer)
    {
        switch (id)
        {
            case SettingId.HEADER_TABLE_SIZE:
                HeaderTableBytes = value;
                return Http2ErrorCode.NO_ERROR;
            case SettingId.ENABLE_PUSH:
                return value > 1 || (fromServer && value != 0) ? Http2ErrorCode.PROTOCOL_ERROR : Http2ErrorCode.NO_ERROR;
            case SettingId.MAX_CONCURRENT_STREAMS:
                ConcurrentStreamsMax = value;
                return Http2ErrorCode.NO_ERROR;
            case SettingId.INITIAL_WINDOW_SIZE:
                if (value > int.MaxValue)
                {
                    return Http2ErrorCode.FLOW_CONTROL_ERROR;
                }

                WindowBytes = (int)value;
                return Http2ErrorCode.NO_ERROR;
            case SettingId.MAX_FRAME_SIZE:
                if (value is < FrameHeader.PayloadBytesDefault or > FrameHeader.PayloadBytesCap)
                {
                    return Http2ErrorCode.PROTOCOL_ERROR;
                }

                FrameBytes = (int)value;
                return Http2ErrorCode.NO_ERROR;
            case SettingId.ENABLE_CONNECT_PROTOCOL:
                if (value > 1 || (AllowsConnectProtocol && value == 0))
                {
                    return Http2ErrorCode.PROTOCOL_ERROR;
                }

                AllowsConnectProtocol = value == 1;
                return Http2ErrorCode.NO_ERROR;
            default:
                return Http2ErrorCode.NO_ERROR;
        }
    }
}
