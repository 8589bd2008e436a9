using System.Text;
using Pilotfish.Language.Formats;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>A header and the one to fall back to, resolved once to numbers where they are well known.</summary>
internal sealed class HeaderKeys
{
    private readonly WellKnownHeader _main;
    private readonly byte[] _mainName;
    private readonly WellKnownHeader _alternative;
    private readonly byte[]? _alternativeName;

    private HeaderKeys(HeaderArguments names)
    {
        _mainName = Encoding.ASCII.GetBytes(names.Main);
        _main = WellKnownHeaders.Find(_mainName);
        if (names.Alternative is not null)
        {
            _alternativeName = Encoding.ASCII.GetBytes(names.Alternative);
            _alternative = WellKnownHeaders.Find(_alternativeName);
        }
    }

    public static HeaderKeys Of(HeaderArguments names) => new(names);

    public bool TryGet(IHeaderReader? headers, out ReadOnlySpan<byte> value)
    {
        value = default;
        return headers is not null
            && (TryGet(headers, _main, _mainName, out value)
                || (_alternativeName is not null && TryGet(headers, _alternative, _alternativeName, out value)));
    }

    private static bool TryGet(IHeaderReader headers, WellKnownHeader known, byte[] name, out ReadOnlySpan<byte> value) =>
        known != WellKnownHeader.None ? headers.TryGet(known, out value) : headers.TryGet(name, out value);
}
