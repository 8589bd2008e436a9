using System.Text;
using Pilotfish.Proxy.Http;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// Reads a DeltaDiscoveryResponse or a DiscoveryResponse while its bytes arrive, split anywhere: (1) a field's key, (2) the length of a
/// field of bytes or the number of another, (3) the bytes, gathered for a resource or a word and stepped over for what nobody reads. Each
/// resource is packed when it is whole, so the most that is held is one resource and what the others shrank to. The type, the nonce and
/// even the version may stand behind the resources, hence nothing is judged before the end. One loop only.
/// </summary>
/// <param name="isDelta">Which of the two messages.</param>
/// <param name="buffers">Of the loop.</param>
internal sealed class DiscoveryResponseReader(bool isDelta, BufferPool buffers)
{
    /// <summary>
    /// As much of a response stays unpacked: an ordinary update is read again at once, and packing and unpacking it would cost time and
    /// save nothing.
    /// </summary>
    internal const int PlainBytesMax = 256 * 1024;

    // A version, a nonce, a type, a removed name: Kubernetes allows 253 bytes in a name, and names are made of a few of them.
    private const int WordBytesMax = 64 * 1024;

    private const int VersionField = 1;
    private const int ResourcesField = 2;
    private const int TypeUrlField = 4;
    private const int NonceField = 5;
    private const int RemovedField = 6;
    private const int VarintBytesMax = 10;

    private DiscoveryArrival _arrival = new();
    private BodyBuffer _gathered;
    private Step _step;
    private ulong _number;
    private int _numberBytes;
    private int _field;
    private int _left;
    private long _plainBytes;
    private string? _problem;

    private enum Step : byte
    {
        Key,
        Length,
        Number,
        Bytes,
        Skip,
    }

    /// <summary>False when the bytes are no such message; <see cref="Finish"/> then says why.</summary>
    public bool Read(ReadOnlySpan<byte> part)
    {
        while (_problem is null && !part.IsEmpty)
        {
            part = part[(_step is Step.Bytes or Step.Skip ? ReadBytes(part) : ReadNumber(part[0]))..];
        }

        return _problem is null;
    }

    /// <summary>The response, when the message's last byte was read; null with the reason if it is none. Ready for the next one.</summary>
    public DiscoveryArrival? Finish(out string? problem)
    {
        bool isCut = _step != Step.Key || _numberBytes > 0;
        problem = _problem ?? (isCut ? "it ends within a field" : null);
        DiscoveryArrival? arrival = problem is null ? _arrival : null;
        Release();
        return arrival;
    }

    /// <summary>Forgets what came of a message that ends here.</summary>
    public void Release()
    {
        _gathered.Release();
        _arrival = new DiscoveryArrival();
        _step = Step.Key;
        _numberBytes = 0;
        _number = 0;
        _plainBytes = 0;
        _problem = null;
    }

    // Keys, lengths and numbers are varints; returns the one byte that it took.
    private int ReadNumber(byte next)
    {
        _number |= (ulong)(next & 0x7F) << (7 * _numberBytes++);
        if (next < 0x80)
        {
            ulong number = _number;
            _number = 0;
            _numberBytes = 0;
            OnNumber(number);
        }
        else if (_numberBytes == VarintBytesMax)
        {
            _problem = "a number is longer than ten bytes";
        }

        return 1;
    }

    private void OnNumber(ulong number)
    {
        switch (_step)
        {
            case Step.Key:
                OnKey(number);
                break;
            case Step.Length:
                OnLength(number);
                break;
            default:
                _step = Step.Key;
                break;
        }
    }

    private void OnKey(ulong key)
    {
        if (!WireReader.TrySplitKey(key, out _field, out int type))
        {
            _problem = $"{key} is no field's key";
            return;
        }

        switch ((WireField)type)
        {
            case WireField.Bytes:
                _step = Step.Length;
                break;
            case WireField.Varint:
                _step = Step.Number;
                break;
            case WireField.Fixed64:
                SkipOver(sizeof(ulong));
                break;
            case WireField.Fixed32:
                SkipOver(sizeof(uint));
                break;
            default:
                _problem = $"wire type {type} does not exist";
                break;
        }
    }

    private void SkipOver(int bytes)
    {
        _left = bytes;
        _step = Step.Skip;
    }

    private void OnLength(ulong length)
    {
        bool isWord = _field is VersionField or TypeUrlField or NonceField || (isDelta && _field == RemovedField);
        if (length > int.MaxValue || (isWord && length > WordBytesMax))
        {
            _problem = $"field {_field} has {length} bytes";
            return;
        }

        _left = (int)length;
        _step = isWord || _field == ResourcesField ? Step.Bytes : Step.Skip;
        if (_left == 0)
        {
            OnField(default);
        }
    }

    // Returns how much of the part belongs to the field.
    private int ReadBytes(ReadOnlySpan<byte> part)
    {
        int taken = Math.Min(part.Length, _left);
        _left -= taken;
        if (_step == Step.Skip)
        {
            if (_left == 0)
            {
                _step = Step.Key;
            }
        }
        else if (_left > 0)
        {
            _gathered.Append(buffers, part[..taken]);
        }
        else if (_gathered.Length == 0)
        {
            OnField(part[..taken]);
        }
        else
        {
            _gathered.Append(buffers, part[..taken]);
            OnField(_gathered.Span);
            _gathered.Release();
        }

        return taken;
    }

    private void OnField(ReadOnlySpan<byte> bytes)
    {
        if (_step == Step.Bytes)
        {
            Take(bytes);
        }

        _step = Step.Key;
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        switch (_field)
        {
            case VersionField:
                _arrival.Version = Encoding.UTF8.GetString(bytes);
                break;
            case ResourcesField:
                bool pack = _plainBytes + bytes.Length > PlainBytesMax;
                _plainBytes += pack ? 0 : bytes.Length;
                _arrival.Items.Add(isDelta ? DiscoveryItemReader.ReadResource(bytes, pack) : DiscoveryItemReader.ReadAny(bytes, pack));
                break;
            case TypeUrlField:
                _arrival.TypeUrl = ResourceType.InternedUrl(bytes);
                break;
            case NonceField:
                _arrival.Nonce = Encoding.UTF8.GetString(bytes);
                break;
            default:
                _arrival.Removed.Add(Encoding.UTF8.GetString(bytes));
                break;
        }
    }
}
