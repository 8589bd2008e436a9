using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Common.Ratelimit.V3;
using Envoy.Service.Ratelimit.V3;
using Google.Protobuf;
using Pilotfish.Proxy.AsyncClient;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Http1;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Streams;
using HeaderMap = Pilotfish.Proxy.Http.HeaderMap;

namespace Pilotfish.Proxy.Filters.GlobalRateLimits;

/// <summary>One request that waits for the rate limit service's word.</summary>
internal sealed class GlobalRateLimitFilter(GlobalRateLimitConfig config, ClusterState cluster, string domain) : HttpFilter, IAsyncGrpcRequestEvents
{
    private static readonly EndReason s_limited = new EndReason(
        EndCause.FilterReply, EndSide.Proxy, ResponseDetails.RequestRateLimited, default, "The rate limit service says that there were too many requests.")
        .WithFlag(ResponseFlag.RateLimited);

    private static readonly EndReason s_failed = new EndReason(
        EndCause.FilterReply, EndSide.Proxy, ResponseDetails.RateLimiterError, default, "The rate limit service did not answer, and requests pass only with its word.")
        .WithFlag(ResponseFlag.RateLimitServiceError);

    private AsyncGrpcRequest? _call;
    private bool _starts;
    private List<(byte[] Name, byte[] Value)>? _responseHeaders;

    public required RateLimitRule[] FirstRules { get; init; }

    public required RateLimitRule[] SecondRules { get; init; }

    /// <summary>Whether stage and disable_key of the rules count.</summary>
    public required bool RulesAreOfRoutes { get; init; }

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        if (Message(atEnd: false) is not { } message)
        {
            return FilterVerdict.Continue;
        }

        _starts = true;
        _call = config.Call(Stream.Worker.Worker, this);
        _call.Start(message, config.Metadata);
        _starts = false;
        return _call is null && !Stream.IsReplyLocal ? FilterVerdict.Continue : FilterVerdict.Pause;
    }

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        AddResponseHeaders(headers);
        return FilterVerdict.Continue;
    }

    public override void OnEnd(StreamInfo info)
    {
        _call?.Cancel();
        _call = null;
        if (Message(atEnd: true) is { } message)
        {
            config.Call(Stream.Worker.Worker, UnawaitedAnswer.Instance).Start(message, config.Metadata);
        }
    }

    public void OnResponse(ReadOnlySpan<byte> message)
    {
        RateLimitResponse response;
        try
        {
            response = RateLimitResponse.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException)
        {
            Fail();
            return;
        }

        _call = null;
        if (response.DynamicMetadata is { Fields.Count: > 0 } metadata)
        {
            Stream.Info.EnsureMetadata().Set("envoy.filters.http.ratelimit", MetadataValue.Of(metadata));
        }

        bool isOver = response.OverallCode == RateLimitResponse.Types.Code.OverLimit;
        Count(isOver ? config.OverLimitName : config.OkName);
        KeepResponseHeaders(response, isOver);
        if (!isOver)
        {
            Pass(response);
            return;
        }

        ResponseOrigin origin = new(null, ResponseOrigin.SaysInternal(Stream.RequestHeaders), IsCanary: false);
        ClusterHttp.Of(cluster).Responses.Count(Stream.Worker.Stats, 429, in origin, hidesStatus: false);
        if (config.Enforced.Holds(Stream.NextRandom()))
        {
            Stream.Reply(config.Status, response.RawBody.Span, s_limited, AddToReply, config.GrpcStatus);
        }
        else
        {
            Pass(response);
        }
    }

    public void OnFailure(in GrpcEnd end) => Fail();

    private void Fail()
    {
        _call = null;
        Count(config.ErrorName);
        if (config.Denied.Holds(Stream.NextRandom()))
        {
            Stream.Reply(config.ErrorStatus, [], s_failed);
            return;
        }

        Count(config.AllowedName);
        Pass(null);
    }

    private void Pass(RateLimitResponse? response)
    {
        foreach (HeaderValue header in response?.RequestHeadersToAdd ?? [])
        {
            if (TryRead(header, out byte[] name, out byte[] value))
            {
                Stream.RequestHeaders.Add(name, value);
            }
        }

        if (!_starts)
        {
            ContinueRequest();
        }
    }

    private void KeepResponseHeaders(RateLimitResponse response, bool isOver)
    {
        List<(byte[] Name, byte[] Value)> headers = [];
        foreach (HeaderValue header in response.ResponseHeadersToAdd)
        {
            if (TryRead(header, out byte[] name, out byte[] value))
            {
                headers.Add((name, value));
            }
        }

        if (isOver && config.TellsLimited)
        {
            headers.Add(("x-envoy-ratelimited"u8.ToArray(), "true"u8.ToArray()));
        }

        if (config.TellsQuota)
        {
            QuotaHeaders.Add(response.Statuses, headers);
        }

        _responseHeaders = headers;
    }

    private void AddToReply(HeaderMap headers)
    {
        AddResponseHeaders(headers);
        config.ResponseHeaders.Apply(headers, Stream.Info, Stream.Worker.Scratch);
    }

    private void AddResponseHeaders(HeaderMap headers)
    {
        foreach ((byte[] name, byte[] value) in _responseHeaders ?? [])
        {
            headers.Add(name, value);
        }

        _responseHeaders = null;
    }

    private void Count(string name) => Stream.Worker.Stats.Add(cluster.Stats.Scope.Counter(name));

    // Null when there is nothing to ask about.
    private RateLimitRequest? Message(bool atEnd)
    {
        RateLimitRequest? message = null;
        Add(FirstRules, atEnd, ref message);
        Add(SecondRules, atEnd, ref message);
        return message;
    }

    private void Add(RateLimitRule[] rules, bool atEnd, ref RateLimitRequest? message)
    {
        foreach (RateLimitRule rule in rules)
        {
            if (rule.AtEnd != atEnd
                || (RulesAreOfRoutes && (rule.Stage != config.Stage || !rule.Enabled.Holds(Stream.NextRandom())))
                || rule.Describe(Stream) is not { } descriptor)
            {
                continue;
            }

            var described = new RateLimitDescriptor { HitsAddend = rule.SaysHits ? descriptor.Hits : null };
            foreach (DescriptorEntry entry in descriptor.Entries)
            {
                described.Entries.Add(new RateLimitDescriptor.Types.Entry { Key = entry.Key, Value = entry.Value });
            }

            message ??= new RateLimitRequest { Domain = domain };
            message.Descriptors.Add(described);
        }
    }

    // What would make another message of it, or another request, does not count.
    private static bool TryRead(HeaderValue header, out byte[] name, out byte[] value)
    {
        name = Encoding.UTF8.GetBytes(header.Key.ToLowerInvariant());
        value = header.RawValue.IsEmpty ? Encoding.UTF8.GetBytes(header.Value) : header.RawValue.ToByteArray();
        return name.Length > 0 && !name.AsSpan().ContainsAnyExcept(HttpCharacters.Token) && !value.AsSpan().ContainsAny(HttpCharacters.NotInValue)
            && WellKnownHeaders.Find(name) is not (WellKnownHeader.ContentLength or WellKnownHeader.TransferEncoding or WellKnownHeader.Connection
                or WellKnownHeader.Host or WellKnownHeader.Upgrade or WellKnownHeader.Te or WellKnownHeader.KeepAlive or WellKnownHeader.ProxyConnection);
    }
}
