using System.Text;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.Collections;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Extractor = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.ScopedRoutes.Types.ScopeKeyBuilder.Types.FragmentBuilder.Types.HeaderValueExtractor;

namespace Pilotfish.Proxy.Routing.Scopes;

/// <summary>scope_key_builder: computes the key of a request's scope from its headers. Immutable; 0 bytes per request.</summary>
internal sealed class ScopeKeyBuilder
{
    private readonly FragmentBuilder[] _fragments;

    private ScopeKeyBuilder(FragmentBuilder[] fragments) => _fragments = fragments;

    public static ScopeKeyBuilder Compile(ScopedRoutes.Types.ScopeKeyBuilder? config, string field)
    {
        if (config is null || config.Fragments.Count == 0)
        {
            throw new ConfigRejectedException($"{field}.fragments", "it names no fragment to build the key of");
        }

        return new ScopeKeyBuilder(CompileAll(config.Fragments, $"{field}.fragments"));
    }

    /// <summary>False when a fragment is missing in the headers, or when the key is longer than any that is configured.</summary>
    public bool TryBuild(HeaderMap headers, Span<byte> key, out int length)
    {
        length = 0;
        foreach (FragmentBuilder fragment in _fragments)
        {
            if (!fragment.TryExtract(headers, out ReadOnlySpan<byte> value) || !ScopeKey.TryAppend(key, ref length, value))
            {
                return false;
            }
        }

        return true;
    }

    private static FragmentBuilder[] CompileAll(
        RepeatedField<ScopedRoutes.Types.ScopeKeyBuilder.Types.FragmentBuilder> fragments, string field)
    {
        var compiled = new FragmentBuilder[fragments.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            string at = $"{field}[{i}].header_value_extractor";
            Extractor extractor = fragments[i].HeaderValueExtractor ?? throw new ConfigRejectedException(at, "it is not set");
            compiled[i] = new FragmentBuilder(extractor, at);
        }

        return compiled;
    }

    private sealed class FragmentBuilder
    {
        private readonly byte[] _header;
        private readonly byte[] _separator;
        private readonly byte[]? _key;
        private readonly byte[] _keySeparator = [];
        private readonly uint _index;

        public FragmentBuilder(Extractor config, string field)
        {
            if (config.Name.Length == 0)
            {
                throw new ConfigRejectedException($"{field}.name", "it names no header");
            }

            _header = Encoding.ASCII.GetBytes(config.Name.ToLowerInvariant());
            _separator = Encoding.UTF8.GetBytes(config.ElementSeparator);
            switch (config.ExtractTypeCase)
            {
                case Extractor.ExtractTypeOneofCase.Index:
                    _index = config.Index == 0 || _separator.Length > 0
                        ? config.Index
                        : throw new ConfigRejectedException($"{field}.index", $"{config.Index} must be 0 without an element_separator");
                    break;
                case Extractor.ExtractTypeOneofCase.Element:
                    _key = NotEmpty(config.Element.Key, $"{field}.element.key");
                    _keySeparator = NotEmpty(config.Element.Separator, $"{field}.element.separator");
                    break;
                default:
                    throw new ConfigRejectedException(field, "neither index nor element is set");
            }
        }

        public bool TryExtract(HeaderMap headers, out ReadOnlySpan<byte> value)
        {
            if (!headers.TryGet(_header, out ReadOnlySpan<byte> rest))
            {
                value = default;
                return false;
            }

            bool more = true;
            for (uint index = 0; more; index++)
            {
                int end = _separator.Length == 0 ? -1 : rest.IndexOf(_separator);
                more = end >= 0;
                ReadOnlySpan<byte> element = more ? rest[..end] : rest;
                if (_key is null ? index == _index : IsOfKey(ref element))
                {
                    value = element;
                    return true;
                }

                rest = more ? rest[(end + _separator.Length)..] : default;
            }

            value = default;
            return false;
        }

        /// <summary>Leaves the value of an element "key separator value"; an element without separator is a key with an empty value.</summary>
        private bool IsOfKey(ref ReadOnlySpan<byte> element)
        {
            int at = element.IndexOf(_keySeparator);
            ReadOnlySpan<byte> key = at < 0 ? element : element[..at];
            if (!key.SequenceEqual(_key))
            {
                return false;
            }

            element = at < 0 ? default : element[(at + _keySeparator.Length)..];
            return true;
        }

        private static byte[] NotEmpty(string text, string field) =>
            text.Length > 0 ? Encoding.UTF8.GetBytes(text) : throw new ConfigRejectedException(field, "it is empty");
    }
}
