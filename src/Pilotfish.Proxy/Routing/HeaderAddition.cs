using System.Buffers;
using System.Text;
using Envoy.Config.Core.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Streams;
using Action = Envoy.Config.Core.V3.HeaderValueOption.Types.HeaderAppendAction;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Routing;

/// <summary>One compiled HeaderValueOption. Immutable.</summary>
internal sealed class HeaderAddition
{
    /// <summary>Envoy's bound on a configured name and on a configured value.</summary>
    private const int TextBytesMax = 16384;

    private static readonly SearchValues<byte> s_lineEnds = SearchValues.Create("\0\r\n"u8);

    // Envoy's predefined inline headers: a message has one line of each, and what is appended is joined to it.
    private static readonly WellKnownHeaderSet s_ofOneLine = WellKnownHeaderSet.Of(
    [
        WellKnownHeader.ContentType, WellKnownHeader.ContentLength, WellKnownHeader.UserAgent, WellKnownHeader.Via, WellKnownHeader.Te,
        WellKnownHeader.Expect, WellKnownHeader.Connection, WellKnownHeader.KeepAlive, WellKnownHeader.ProxyConnection, WellKnownHeader.Upgrade,
        WellKnownHeader.TransferEncoding, WellKnownHeader.Date, WellKnownHeader.Server, WellKnownHeader.Location, WellKnownHeader.XRequestId,
        WellKnownHeader.XForwardedFor, WellKnownHeader.XForwardedProto, WellKnownHeader.XForwardedHost, WellKnownHeader.XForwardedPort,
        WellKnownHeader.XForwardedClientCert, WellKnownHeader.XClientTraceId, WellKnownHeader.XEnvoyInternal, WellKnownHeader.XEnvoyExternalAddress,
        WellKnownHeader.XEnvoyOriginalPath, WellKnownHeader.XEnvoyOriginalHost, WellKnownHeader.XEnvoyAttemptCount,
        WellKnownHeader.XEnvoyUpstreamServiceTime, WellKnownHeader.XEnvoyExpectedRqTimeoutMs, WellKnownHeader.XEnvoyUpstreamRqTimeoutMs,
        WellKnownHeader.XEnvoyUpstreamRqPerTryTimeoutMs, WellKnownHeader.XEnvoyUpstreamRqTimeoutAltResponse,
        WellKnownHeader.XEnvoyUpstreamStreamDurationMs, WellKnownHeader.XEnvoyRetryOn, WellKnownHeader.XEnvoyRetryGrpcOn,
        WellKnownHeader.XEnvoyMaxRetries, WellKnownHeader.XEnvoyRetriableStatusCodes, WellKnownHeader.XEnvoyRetriableHeaderNames,
        WellKnownHeader.XEnvoyUpstreamAltStatName, WellKnownHeader.XEnvoyForceTrace, WellKnownHeader.XEnvoyIpTags,
        WellKnownHeader.XEnvoyHedgeOnPerTryTimeout, WellKnownHeader.XEnvoyDecoratorOperation, WellKnownHeader.XEnvoyDownstreamServiceCluster,
        WellKnownHeader.XEnvoyDownstreamServiceNode, WellKnownHeader.XEnvoyOverloaded, WellKnownHeader.XEnvoyRatelimited,
        WellKnownHeader.XEnvoyDegraded, WellKnownHeader.XEnvoyImmediateHealthCheckFail, WellKnownHeader.GrpcStatus, WellKnownHeader.GrpcMessage,
        WellKnownHeader.GrpcTimeout,
    ]);

    private readonly byte[] _name;
    private readonly WellKnownHeader _lineOfItsOwn;
    private readonly byte[] _constant;
    private readonly FormatProgram? _program;
    private readonly Action _action;
    private readonly bool _keepsEmpty;

    private HeaderAddition(byte[] name, byte[] constant, FormatProgram? program, Action action, bool keepsEmpty)
    {
        _name = name;
        _constant = constant;
        _program = program;
        _action = action;
        _keepsEmpty = keepsEmpty;
        WellKnownHeader known = WellKnownHeaders.Find(name);
        var one = WellKnownHeaderSet.Of(known);
        bool joins = ((one.Low & s_ofOneLine.Low) | (one.High & s_ofOneLine.High)) != 0;
        _lineOfItsOwn = joins ? known : WellKnownHeader.None;
    }

    /// <summary>Whether it replaces values, which is done before anything is added.</summary>
    public bool Overwrites => _action is Action.OverwriteIfExists or Action.OverwriteIfExistsOrAdd;

    /// <summary>Throws <see cref="ConfigRejectedException"/> with the field's path.</summary>
    public static HeaderAddition Compile(HeaderValueOption option, string field)
    {
        HeaderValue header = option.Header ?? new HeaderValue();
        byte[] name = Name(header.Key, $"{field}.header.key");
        if (header.Value.Length > 0 && !header.RawValue.IsEmpty)
        {
            throw new ConfigRejectedException($"{field}.header", "value and raw_value are both set");
        }

        string valueField = header.RawValue.IsEmpty ? $"{field}.header.value" : $"{field}.header.raw_value";
        byte[] value = header.RawValue.IsEmpty ? Encoding.UTF8.GetBytes(header.Value) : header.RawValue.ToByteArray();
        CheckLength(value.Length, valueField);
        if (value.AsSpan().ContainsAny(s_lineEnds))
        {
            throw new ConfigRejectedException(valueField, "it has a line end or a NUL");
        }

        FormatProgram? program = value.Contains((byte)'%')
            ? FormatProgram.Compile(Encoding.UTF8.GetString(value), valueField, omitMissing: true)
            : null;
        return new HeaderAddition(name, value, program, ActionOf(option, field), option.KeepEmptyValue);
    }

    /// <summary>A name that may be added or removed, in lower case.</summary>
    public static byte[] Name(string name, string field)
    {
        if (name.Length == 0)
        {
            throw new ConfigRejectedException(field, "the header has no name");
        }

        // Changing what routing already decided upon would make log and traffic disagree; host rewrites have fields of their own.
        if (name[0] == ':' || name.Equals("host", StringComparison.OrdinalIgnoreCase))
        {
            throw new ConfigRejectedException(field, $"header '{Shown(name)}' may not be changed here; use a host or path rewrite");
        }

        CheckLength(name.Length, field);
        byte[] bytes = Encoding.Latin1.GetBytes(name.ToLowerInvariant());
        return bytes.AsSpan().ContainsAnyExcept(HttpCharacters.Token)
            ? throw new ConfigRejectedException(field, $"'{Shown(name)}' is no header name")
            : bytes;
    }

    /// <summary>Appends the value to <paramref name="values"/>; false, and nothing is appended, when these headers are to be left alone.</summary>
    public bool Prepare(HeaderMap headers, StreamInfo info, FormatOutput values)
    {
        int start = values.Length;
        if (_program is null)
        {
            values.Append(_constant);
        }
        else
        {
            _program.Append(values, info);
            Harmless(values.Patch(start, values.Length - start));
        }

        bool applies = (values.Length > start || _keepsEmpty) && _action switch
        {
            Action.AddIfAbsent => headers.FindSlot(_name) < 0,
            Action.OverwriteIfExists => headers.FindSlot(_name) >= 0,
            _ => true,
        };
        if (!applies)
        {
            values.Rewind(start);
        }

        return applies;
    }

    public void Put(HeaderMap headers, ReadOnlySpan<byte> value)
    {
        if (Overwrites)
        {
            headers.Set(_name, value);
        }
        else if (_lineOfItsOwn != WellKnownHeader.None)
        {
            headers.AppendValue(_lineOfItsOwn, ","u8, value);
        }
        else
        {
            headers.Add(_name, value);
        }
    }

    // The old boolean may still be sent, by itself.
    private static Action ActionOf(HeaderValueOption option, string field)
    {
        if (option.Append is { } append)
        {
            return option.AppendAction != Action.AppendIfExistsOrAdd
                ? throw new ConfigRejectedException($"{field}.append_action", "append is set, too")
                : append ? Action.AppendIfExistsOrAdd : Action.OverwriteIfExistsOrAdd;
        }

        return option.AppendAction is >= Action.AppendIfExistsOrAdd and <= Action.OverwriteIfExists
            ? option.AppendAction
            : throw new ConfigRejectedException($"{field}.append_action", $"{(int)option.AppendAction} is not an action");
    }

    private static void CheckLength(int bytes, string field)
    {
        if (bytes > TextBytesMax)
        {
            throw new ConfigRejectedException(field, $"it has {bytes} bytes; at most {TextBytesMax} are allowed");
        }
    }

    // Metadata, filter state and certificates hold any text, and a line end would begin a header of their author's (RFC 9110 section 5.5).
    private static void Harmless(Span<byte> value)
    {
        for (int at = value.IndexOfAny(s_lineEnds); at >= 0; at = value.IndexOfAny(s_lineEnds))
        {
            value[at] = (byte)' ';
            value = value[(at + 1)..];
        }
    }

    private static string Shown(string name) => string.Create(name.Length, name, static (shown, text) =>
    {
        for (int i = 0; i < shown.Length; i++)
        {
            shown[i] = text[i] is >= ' ' and <= '~' ? text[i] : '?';
        }
    });
}
