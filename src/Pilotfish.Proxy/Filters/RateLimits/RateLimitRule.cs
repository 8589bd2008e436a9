using Envoy.Config.Route.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Language.Numbers;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.RuntimeLayers;

namespace Pilotfish.Proxy.Filters.RateLimits;

/// <summary>A compiled RateLimit of a route, a virtual host or a filter: how a descriptor is made of a request. Immutable.</summary>
internal sealed class RateLimitRule
{
    /// <summary>No rules, of which most routes have as many.</summary>
    public static readonly RateLimitRule[] None = [];

    // The field's own bound.
    private const uint StageMax = 10;

    private readonly DescriptorAction[] _actions;
    private readonly ulong? _hits;
    private readonly FormatProgram? _hitsFormat;

    private RateLimitRule(RateLimit message, string field, CompileContext context)
    {
        UnheededFields.Check(UnheededFields.OfRateLimit, message, field, "rate limit", context.Warnings);
        Stage = message.Stage ?? 0;
        if (Stage > StageMax)
        {
            throw new ConfigRejectedException($"{field}.stage", $"{Stage} is more than {StageMax}");
        }

        if (message.Actions.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.actions", "there is none");
        }

        IsDisabled = message.DisableKey.Length > 0;
        Enabled = IsDisabled ? new LiveFraction(Fraction.All, context.Runtime.Key($"ratelimit.{message.DisableKey}.http_filter_enabled")) : LiveFraction.All;
        AtEnd = message.ApplyOnStreamDone;
        Headers = message.XRatelimitOption;
        _actions = new DescriptorAction[message.Actions.Count];
        for (int i = 0; i < _actions.Length; i++)
        {
            _actions[i] = DescriptorAction.Compile(message.Actions[i], $"{field}.actions[{i}]", context);
        }

        _hits = message.HitsAddend?.Number;
        _hitsFormat = message.HitsAddend is { Format.Length: > 0 } addend
            ? FormatProgram.Compile(addend.Format, $"{field}.hits_addend.format", omitMissing: true)
            : null;
    }

    public uint Stage { get; }

    /// <summary>disable_key is set. A local limit has no key of the runtime, so that the rule is off, as in Envoy.</summary>
    public bool IsDisabled { get; }

    /// <summary>Of global limits: the share of requests for which the runtime leaves the rule on.</summary>
    public LiveFraction Enabled { get; }

    /// <summary>hits_addend is set.</summary>
    public bool SaysHits => _hits is not null || _hitsFormat is not null;

    /// <summary>apply_on_stream_done: nothing to do with whether a request may pass.</summary>
    public bool AtEnd { get; }

    public RateLimit.Types.XRateLimitOption Headers { get; }

    public static RateLimitRule[] CompileAll(IList<RateLimit> messages, string field, CompileContext context)
    {
        if (messages.Count == 0)
        {
            return None;
        }

        var rules = new RateLimitRule[messages.Count];
        for (int i = 0; i < rules.Length; i++)
        {
            rules[i] = new RateLimitRule(messages[i], $"{field}[{i}]", context);
        }

        return rules;
    }

    /// <summary>The request's descriptor; null where the request has not what an action asks for.</summary>
    public Descriptor? Describe(HttpStream stream)
    {
        var descriptor = new Descriptor(this);
        foreach (DescriptorAction action in _actions)
        {
            if (!action.TryAppend(stream, descriptor.Entries))
            {
                return null;
            }
        }

        descriptor.Hits = _hits ?? Formatted(stream) ?? 1;
        return descriptor.Entries.Count > 0 ? descriptor : null;
    }

    private ulong? Formatted(HttpStream stream)
    {
        if (_hitsFormat is null)
        {
            return null;
        }

        FormatOutput scratch = stream.Worker.Scratch;
        scratch.Clear();
        _hitsFormat.Append(scratch, stream.Info);
        return DecimalText.TryParse(scratch.Written, out ulong hits) ? hits : null;
    }
}
