using System.Text;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.AccessLogs.Collectors;

/// <summary>Additional headers that an entry lists: name and value, the values of a repeated header joined by commas.</summary>
internal sealed class LoggedHeaders
{
    private readonly byte[][] _names;

    public LoggedHeaders(IReadOnlyList<string> names)
    {
        _names = new byte[names.Count][];
        for (int i = 0; i < _names.Length; i++)
        {
            _names[i] = Encoding.UTF8.GetBytes(names[i].ToLowerInvariant());
        }
    }

    public void Write(WireWriter writer, int field, IHeaderReader? headers)
    {
        if (headers is null)
        {
            return;
        }

        foreach (byte[] name in _names)
        {
            if (headers.TryGet(name, out _))
            {
                int entry = writer.Begin(field);
                writer.Text(1, name);
                int value = writer.Begin(2);
                AppendAll(writer, headers, name);
                writer.EndText(value);
                writer.End(entry);
            }
        }
    }

    private static void AppendAll(WireWriter writer, IHeaderReader headers, byte[] name)
    {
        bool first = true;
        for (int i = 0; i < headers.Count; i++)
        {
            HeaderEntry header = headers.EntryAt(i);
            if (header.Name.SequenceEqual(name))
            {
                if (!first)
                {
                    writer.Output.Append((byte)',');
                }

                writer.Output.Append(header.Value);
                first = false;
            }
        }
    }
}
