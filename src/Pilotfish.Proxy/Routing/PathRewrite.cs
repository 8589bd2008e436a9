using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.AccessLogs;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Routing.UriTemplates;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>
/// How a route changes the path of what it forwards: prefix_rewrite, regex_rewrite, path_rewrite_policy or path_rewrite, one of them. The query
/// stays. Allocates; immutable, any worker.
/// </summary>
public abstract class PathRewrite
{
    /// <summary>Null for an action that changes no path.</summary>
    public static PathRewrite? Compile(RouteAction action, PathMatch matched, string field)
    {
        int kinds = (action.PrefixRewrite.Length > 0 ? 1 : 0) + (action.RegexRewrite is null ? 0 : 1)
            + (action.PathRewritePolicy is null ? 0 : 1) + (action.PathRewrite.Length > 0 ? 1 : 0);
        if (kinds > 1)
        {
            throw new ConfigRejectedException(field, "only one of prefix_rewrite, regex_rewrite, path_rewrite_policy and path_rewrite may be set");
        }

        if (action.PrefixRewrite.Length > 0)
        {
            return matched.Kind != PathKind.Template
                ? new OfPrefix(Encoding.UTF8.GetBytes(action.PrefixRewrite), matched)
                : throw new ConfigRejectedException($"{field}.prefix_rewrite", "a path that path_match_policy matches has no prefix; use path_rewrite_policy");
        }

        if (action.PathRewritePolicy is { } policy)
        {
            return new OfTemplate(CompilePolicy(policy, matched, $"{field}.path_rewrite_policy"));
        }

        return action.PathRewrite.Length > 0
            ? new OfFormat(FormatProgram.Compile(action.PathRewrite, $"{field}.path_rewrite", omitMissing: true))
            : RegexRewrite.Compile(action.RegexRewrite, $"{field}.regex_rewrite") is { } regex ? new OfRegex(regex) : null;
    }

    /// <summary>The new path with its query; null when the path stays.</summary>
    /// <param name="path">The path of now, with query; not empty.</param>
    /// <param name="info">The request's facts, for formats.</param>
    /// <param name="scratch">The worker's.</param>
    internal abstract byte[]? Apply(ReadOnlySpan<byte> path, StreamInfo info, FormatOutput scratch);

    private static UriTemplateRewrite CompilePolicy(TypedExtensionConfig policy, PathMatch matched, string field)
    {
        ExtensionConfig config = ExtensionRegistry.Unwrap(policy.TypedConfig ?? new(), $"{field}.typed_config");
        return config.MessageName == UriTemplateRewrite.MessageName
            ? UriTemplateRewrite.Compile(config, matched.Template)
            : throw new ConfigRejectedException(config.Field,
                $"the path rewriter '{policy.Name}' has type '{config.MessageName}', which Pilotfish does not have");
    }

    private static byte[]? WithQuery(ReadOnlySpan<byte> only, ReadOnlySpan<byte> path, int oldLength) =>
        only.IsEmpty ? null : [.. only, .. path[oldLength..]];

    private sealed class OfPrefix(byte[] prefix, PathMatch matched) : PathRewrite
    {
        internal override byte[]? Apply(ReadOnlySpan<byte> path, StreamInfo info, FormatOutput scratch) =>
            [.. prefix, .. path[Math.Min(matched.MatchedLength(path), path.Length)..]];
    }

    private sealed class OfRegex(RegexRewrite regex) : PathRewrite
    {
        internal override byte[]? Apply(ReadOnlySpan<byte> path, StreamInfo info, FormatOutput scratch)
        {
            ReadOnlySpan<byte> only = QueryString.PathOnly(path);
            return WithQuery(regex.Apply(only), path, only.Length);
        }
    }

    private sealed class OfTemplate(UriTemplateRewrite template) : PathRewrite
    {
        internal override byte[]? Apply(ReadOnlySpan<byte> path, StreamInfo info, FormatOutput scratch)
        {
            ReadOnlySpan<byte> only = QueryString.PathOnly(path);
            return WithQuery(template.Apply(only), path, only.Length);
        }
    }

    private sealed class OfFormat(FormatProgram format) : PathRewrite
    {
        internal override byte[]? Apply(ReadOnlySpan<byte> path, StreamInfo info, FormatOutput scratch)
        {
            scratch.Clear();
            format.Append(scratch, info);
            return WithQuery(scratch.Written, path, QueryString.PathOnly(path).Length);
        }
    }
}
