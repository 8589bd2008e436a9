using System.Buffers.Text;
using Envoy.Extensions.Common.Ratelimit.V3;
using Pilotfish.Proxy.Filters.RateLimits;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using TellOption = Envoy.Config.Route.V3.RateLimit.Types.XRateLimitOption;

namespace Pilotfish.Proxy.Filters.LocalRateLimits;

/// <summary>One request that takes from buckets: it passes, passes with a mark while the limit is not enforced, or is refused.</summary>
internal sealed class LocalRateLimitFilter(LocalRateLimitConfig config) : HttpFilter
{
    private static readonly EndReason s_limited = new EndReason(
        EndCause.FilterReply, EndSide.Proxy, ResponseDetails.LocalRateLimited, default, "More requests came than the local rate limit allows.")
        .WithFlag(ResponseFlag.RateLimited);

    private TokenBucket? _counted;
    private bool _tells;

    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        Stats.StatCells cells = Stream.Worker.Stats;
        cells.Add(config.Stats.Enabled);
        List<Descriptor>? descriptors = config.HasDescriptors ? Describe() : null;
        bool allowed = config.LimiterOf(Stream.Info.Connection).Allows(descriptors, Stream.Loop.NowNanoseconds, out _counted, out RateLimitRule? rule);
        _tells = rule is { Headers: not TellOption.Unspecified } ? rule.Headers == TellOption.DraftVersion03 : config.TellsLimits;
        if (allowed)
        {
            cells.Add(config.Stats.Ok);
            return FilterVerdict.Continue;
        }

        cells.Add(config.Stats.RateLimited);
        if (!config.Enforced.Holds(Stream.NextRandom()))
        {
            config.RequestHeaders.Apply(headers, Stream.Info, Stream.Worker.Scratch);
            return FilterVerdict.Continue;
        }

        cells.Add(config.Stats.Enforced);
        Stream.Reply(
            config.Status, "local_rate_limited"u8, s_limited,
            response => config.ResponseHeaders.Apply(response, Stream.Info, Stream.Worker.Scratch), config.GrpcStatus);
        return FilterVerdict.Pause;
    }

    public override FilterVerdict OnResponseHeaders(HeaderMap headers, bool end)
    {
        if (_tells && _counted is { } bucket)
        {
            long now = Stream.Loop.NowNanoseconds;
            Add(headers, "x-ratelimit-limit"u8, bucket.TokensMax);
            Add(headers, "x-ratelimit-remaining"u8, bucket.Remaining(now));
            Add(headers, "x-ratelimit-reset"u8, bucket.ResetSeconds(now));
        }

        return FilterVerdict.Continue;
    }

    private static void Add(HeaderMap headers, ReadOnlySpan<byte> name, ulong number)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out int length);
        headers.Add(name, digits[..length]);
    }

    private List<Descriptor> Describe()
    {
        List<Descriptor> descriptors = [];
        if (config.Rules.Length > 0)
        {
            Add(descriptors, config.Rules, stage: null);
            return descriptors;
        }

        if (Stream.Route?.Forward is not { } forward)
        {
            return descriptors;
        }

        Add(descriptors, forward.RateLimits, config.Stage);
        VhRateLimitsOptions ofHost = forward.IncludesHostRateLimits ? VhRateLimitsOptions.Include : config.HostRules;
        if (ofHost == VhRateLimitsOptions.Include || (ofHost == VhRateLimitsOptions.Override && forward.RateLimits.Length == 0))
        {
            Add(descriptors, Stream.VirtualHost!.RateLimits, config.Stage);
        }

        return descriptors;
    }

    private void Add(List<Descriptor> descriptors, RateLimitRule[] rules, uint? stage)
    {
        foreach (RateLimitRule rule in rules)
        {
            // Of the filter's own rules neither stage nor disable_key counts.
            bool applies = !rule.AtEnd && (stage is null || (rule.Stage == stage && !rule.IsDisabled));
            if (applies && rule.Describe(Stream) is { } descriptor)
            {
                descriptors.Add(descriptor);
            }
        }
    }
}
