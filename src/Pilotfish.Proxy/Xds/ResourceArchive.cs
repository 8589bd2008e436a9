using System.IO.Compression;
using System.Text;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// The bytes of accepted resources of one type, many to a compressed block: a mesh's resources repeat each other far more than themselves, so a
/// block of them needs a tenth of what they need one by one. They are read when a person or a new owner asks, mostly in the order in which
/// they came, and a block that was read last is kept open for its neighbours. Main loop.
/// </summary>
internal sealed class ResourceArchive
{
    /// <summary>What one read decompresses at most; a larger resource has a block of its own.</summary>
    public const int BlockBytes = 32 * 1024;

    // Favours speed: a push of thousands of resources compresses on the main loop.
    private const int Quality = 2;
    private const int Window = 16;
    private const int LargeWindow = 20;

    private readonly List<Block> _blocks = [];
    private Block _open = new();
    private Block? _read;
    private byte[] _readBytes = [];

    /// <summary>What is kept, in bytes, without the objects around it.</summary>
    public long KeptBytes
    {
        get
        {
            long sum = _open.Length;
            foreach (Block block in _blocks)
            {
                sum += block.Bytes.Length;
            }

            return sum;
        }
    }

    /// <summary>One resource in an archive of its own.</summary>
    public static HeldResource KeepAlone(string name, ReadOnlySpan<byte> message, string version, DateTimeOffset updated)
    {
        var archive = new ResourceArchive();
        HeldResource held = archive.Keep(name, message, version, updated);
        archive.Seal();
        return held;
    }

    public HeldResource Keep(string name, ReadOnlySpan<byte> message, string version, DateTimeOffset updated)
    {
        byte[] versionBytes = Encoding.UTF8.GetBytes(version);
        var held = new HeldResource(this, name, message.Length, versionBytes.Length, updated);
        Append(held, message, versionBytes);
        return held;
    }

    /// <summary>Forgets a resource; a block that is mostly forgotten is emptied into others.</summary>
    public void Drop(HeldResource held)
    {
        if (held.Block is not { } block)
        {
            return;
        }

        held.Block = null;
        block.LiveBytes -= held.Size;
        if (block == _open)
        {
            // A private key that was replaced.
            block.Bytes.AsSpan(held.Offset, held.Size).Clear();
        }
        else if (block.LiveBytes * 2 < block.Length)
        {
            Empty(block);
        }
    }

    /// <summary>The bytes of a resource that was kept: its message, then its version. Valid until the next call.</summary>
    internal ReadOnlySpan<byte> Read(HeldResource held)
    {
        Block block = held.Block ?? throw new InvalidOperationException($"Resource '{held.Name}' is not kept any more.");
        return Open(block).AsSpan(held.Offset, held.Size);
    }

    private void Append(HeldResource held, ReadOnlySpan<byte> message, ReadOnlySpan<byte> version)
    {
        if (_open.Length > 0 && _open.Length + held.Size > BlockBytes)
        {
            MakeRoom(held.Size);
        }

        held.Block = _open;
        held.Offset = _open.Add(held, message, version);
        if (_open.Length >= BlockBytes)
        {
            Seal();
        }
    }

    // Resources that change often leave the open block full of their past.
    private void MakeRoom(int size)
    {
        if (_open.LiveBytes * 2 < _open.Length)
        {
            Block old = _open;
            _open = new Block();
            Move(old, old.Bytes);
        }

        if (_open.Length > 0 && _open.Length + size > BlockBytes)
        {
            Seal();
        }
    }

    private void Seal()
    {
        _open.Compress(Quality, _open.Length > BlockBytes ? LargeWindow : Window);
        _blocks.Add(_open);
        _open = new Block();
    }

    private void Empty(Block block)
    {
        _blocks.Remove(block);
        if (block.LiveBytes > 0)
        {
            Move(block, [.. Open(block)]);
        }

        if (_read == block)
        {
            (_read, _readBytes) = (null, []);
        }
    }

    private void Move(Block from, byte[] bytes)
    {
        foreach (HeldResource held in from.Members)
        {
            if (held.Block == from)
            {
                ReadOnlySpan<byte> whole = bytes.AsSpan(held.Offset, held.Size);
                Append(held, whole[..held.MessageLength], whole[held.MessageLength..]);
            }
        }
    }

    private byte[] Open(Block block)
    {
        if (!block.IsCompressed)
        {
            return block.Bytes;
        }

        if (_read == block)
        {
            return _readBytes;
        }

        byte[] bytes = new byte[block.Length];
        if (!BrotliDecoder.TryDecompress(block.Bytes, bytes, out int written) || written != bytes.Length)
        {
            throw new InvalidDataException("Kept resources do not decompress.");
        }

        if (bytes.Length <= BlockBytes)
        {
            (_read, _readBytes) = (block, bytes);
        }

        return bytes;
    }

    /// <summary>A run of resources: plain while it is filled, compressed from then on.</summary>
    internal sealed class Block
    {
        public byte[] Bytes { get; private set; } = [];

        /// <summary>Of the plain bytes.</summary>
        public int Length { get; private set; }

        public int LiveBytes { get; set; }

        public bool IsCompressed { get; private set; }

        /// <summary>Everything that was ever put here; what has moved or gone names another block or none.</summary>
        public List<HeldResource> Members { get; } = [];

        public int Add(HeldResource held, ReadOnlySpan<byte> message, ReadOnlySpan<byte> version)
        {
            int offset = Length;
            if (offset + held.Size > Bytes.Length)
            {
                byte[] larger = new byte[Math.Max(offset + held.Size, Math.Min(BlockBytes, Bytes.Length * 2))];
                Bytes.AsSpan(0, offset).CopyTo(larger);
                Bytes = larger;
            }

            message.CopyTo(Bytes.AsSpan(offset));
            version.CopyTo(Bytes.AsSpan(offset + message.Length));
            Length += held.Size;
            LiveBytes += held.Size;
            Members.Add(held);
            return offset;
        }

        public void Compress(int quality, int window)
        {
            Members.TrimExcess();
            byte[] room = new byte[Length];
            IsCompressed = BrotliEncoder.TryCompress(Bytes.AsSpan(0, Length), room, out int written, quality, window);
            Bytes = IsCompressed ? room[..written] : Bytes[..Length];
        }
    }
}
